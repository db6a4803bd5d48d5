/** What processes under load were answered, held against what the log has. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { RecordLine } from '../../../bench/log/writer-protocol.ts';
import type { RecordedEvent } from '../../../contracts/events.ts';
import type { TestLedger } from '../ledgers/test-ledger.ts';

/** The lines that processes have written by now; a killed one may have left the last one unfinished. */
export function readRecords(files: readonly string[]): RecordLine[] {
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as RecordLine),
  );
}

/** Nothing lost, nothing doubled, nothing overspent; money is conserved, and no chain has a gap or a fork. */
export async function expectTrueLedger(
  log: Pick<TestLedger, 'allEvents'>,
  answers: readonly RecordLine[],
): Promise<RecordedEvent[]> {
  const events = await log.allEvents();
  const ends = new Map<string, RecordedEvent>();
  const tips = new Map<string, RecordedEvent>();
  const faults: string[] = [];
  for (const event of events) {
    const { aggregate, aggregateId: id, position } = event;
    const key = `${aggregate}/${id}`;
    const before = tips.get(key);
    if (event.version !== (before?.version ?? 0) + 1) faults.push(`${key} has a gap at ${position}`);
    if (before && event.previousHash !== before.hash) faults.push(`${key} forks at ${position}`);
    tips.set(key, event);
    if (aggregate === 'transfer') {
      if (ends.has(id)) faults.push(`${id} is there twice`);
      ends.set(id, event);
    } else if ('balances' in event.data && !id.startsWith('world_')) {
      if (BigInt(event.data.balances.available) < 0n) faults.push(`${id} is overspent at ${position}`);
    }
  }
  for (const { id, position, completed } of answers) {
    const end = ends.get(id);
    if (end?.position !== position)
      faults.push(`${id} was answered with ${position}, but is at ${end?.position}`);
    if ((end?.name === 'TransferCompleted') !== completed) faults.push(`${id} was answered another outcome`);
  }
  const posted = [...tips.values()].map(({ data }) =>
    'balances' in data ? BigInt(data.balances.posted) : 0n,
  );
  expect(faults).toEqual([]);
  expect(posted.reduce((sum, balance) => sum + balance, 0n)).toBe(0n);
  return events;
}

/** The longest time after `since` in which no event was stored, in milliseconds. */
export function longestGap(events: readonly RecordedEvent[], since: number): number {
  const times = [since, ...events.map(({ time }) => Date.parse(time)).filter((time) => time >= since)];
  return times.reduce((longest, time, index) => Math.max(longest, time - (times[index - 1] ?? time)), 0);
}
