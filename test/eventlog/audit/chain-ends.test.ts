import { describe, expect, test } from 'vitest';
import { ChainEnds } from '../../../eventlog/audit/chain-ends.ts';
import { PHASES } from '../../../eventlog/audit/event-rules.ts';

const hashOfNumber = (index: number) => index.toString(16).padStart(64, 'f');
const phaseOfNumber = (index: number) => PHASES[index % PHASES.length]!;

describe('the table of chains', () => {
  test('remembers every aggregate while it grows', () => {
    const chains = new ChainEnds();
    for (let index = 0; index < 8_000; index += 1) {
      const key = `transfer/${index}`;
      const slot = chains.slotOf(key);
      expect([chains.version(slot), chains.phase(slot)]).toEqual([0, 'none']);
      chains.append(slot, key, {
        version: 1,
        hash: hashOfNumber(index),
        position: index + 1,
        phase: phaseOfNumber(index),
        terms: index,
      });
    }
    expect(chains.size).toBe(8_000);
    for (let index = 0; index < 8_000; index += 1) {
      const slot = chains.slotOf(`transfer/${index}`);
      expect(chains.endsWith(slot, hashOfNumber(index))).toBe(true);
      expect(chains.endsWith(slot, hashOfNumber(index + 1))).toBe(false);
      expect([chains.position(slot), chains.phase(slot), chains.terms(slot)]).toEqual([
        index + 1,
        phaseOfNumber(index),
        index,
      ]);
    }
  });
});
