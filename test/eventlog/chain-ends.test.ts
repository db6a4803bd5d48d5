import { describe, expect, test } from 'vitest';
import { ChainEnds } from '../../eventlog/audit/chain-ends.ts';

const hashOfNumber = (index: number) => index.toString(16).padStart(64, 'f');

describe('the table of chains', () => {
  test('remembers every aggregate while it grows', () => {
    const chains = new ChainEnds();
    for (let index = 0; index < 8_000; index += 1) {
      const key = `transfer/${index}`;
      const slot = chains.slotOf(key);
      expect(chains.version(slot)).toBe(0);
      chains.append(slot, key, {
        version: 1,
        hash: hashOfNumber(index),
        position: index + 1,
        ended: index % 2 === 1,
      });
    }
    expect(chains.size).toBe(8_000);
    for (let index = 0; index < 8_000; index += 1) {
      const slot = chains.slotOf(`transfer/${index}`);
      expect(chains.endsWith(slot, hashOfNumber(index))).toBe(true);
      expect(chains.endsWith(slot, hashOfNumber(index + 1))).toBe(false);
      expect([chains.position(slot), chains.hasEnded(slot)]).toEqual([index + 1, index % 2 === 1]);
    }
  });
});
