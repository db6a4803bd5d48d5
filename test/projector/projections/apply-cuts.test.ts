/** Rows are a fold: whatever happens, and however the log is cut between batches. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  apply,
  type AccountRow,
  type EntryRow,
  type HoldRow,
  type TransactionAccountRow,
  type TransferRow,
} from '../../../cli/verify/apply.ts';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { createTestLog } from '../../support/events/events.ts';
import { history, STEPS } from './history.ts';

describe('events', () => {
  it('that only answer a command change nothing, but count for the position', () => {
    const log = createTestLog();
    log.open('alice');
    const answer = log.receipt('alice');
    const none = {
      accounts: [],
      entries: [],
      transfers: [],
      transactionAccounts: [],
      labels: [],
      holds: [],
      totals: [],
    };
    expect(apply(answer)).toEqual({ position: 2, ...none });
  });

  it('give the same rows every time', () => {
    const { events } = history(Array.from({ length: STEPS }, (_, index) => index));
    expect(apply(events)).toEqual(apply(structuredClone(events)));
  });

  it('give the same rows however the log is cut between batches', () => {
    const steps = fc.array(fc.nat({ max: STEPS - 1 }), { maxLength: 40 });
    const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 });
    fc.assert(
      fc.property(steps, cuts, (chosen, sizes) => {
        const { batches } = history(chosen);
        expect(fold(regroup(batches, sizes))).toEqual(fold([batches.flat()]));
      }),
    );
  });
});

function regroup(batches: RecordedEvent[][], sizes: readonly number[]): RecordedEvent[][] {
  const groups: RecordedEvent[][] = [];
  let rest = batches;
  for (let turn = 0; rest.length > 0; turn++) {
    const size = sizes[turn % sizes.length]!;
    groups.push(rest.slice(0, size).flat());
    rest = rest.slice(size);
  }
  return groups;
}

/** What tables would hold after these arrays of events. */
function fold(arrays: readonly RecordedEvent[][]) {
  const accounts = new Map<string, AccountRow>();
  const transfers = new Map<string, TransferRow>();
  const holds = new Map<string, HoldRow>();
  const entries: EntryRow[] = [];
  const transactionAccounts: TransactionAccountRow[] = [];
  let position = 0;
  for (const events of arrays) {
    const rows = apply(events);
    for (const row of rows.accounts) {
      const opening = accounts.get(row.id)?.opening ?? row.opening;
      accounts.set(row.id, { ...row, ...(opening && { opening }) });
    }
    for (const row of rows.transfers) transfers.set(row.id, replaced(transfers.get(row.id), row));
    for (const row of rows.holds) holds.set(row.id, replaced(holds.get(row.id), row));
    entries.push(...rows.entries);
    transactionAccounts.push(...rows.transactionAccounts);
    position = rows.position;
  }
  const tables = [accounts, transfers, holds].map((rows) => Object.fromEntries<object>(rows));
  return { tables, entries, transactionAccounts, position };
}

/** A row in the place of an older one, of which nothing is kept but where it began. */
function replaced<Row extends { first_position?: number }>(old: Row | undefined, row: Row): Row {
  const first_position = old?.first_position ?? row.first_position;
  expect(first_position).toBeDefined();
  return { ...row, first_position };
}
