import { describe, expect, test } from 'vitest';
import { AccountRows } from '../../../cli/verify/account-rows.ts';
import { apply, type AccountRow } from '../../../cli/verify/apply.ts';
import type { AccountColumns } from '../../../projector/queries/rows.ts';
import { createTestLog } from '../../support/events/events.ts';

/** The row that Postgres would give. */
function columnsOf({ opening, ...state }: AccountRow): AccountColumns {
  if (!opening) throw new Error('an account that was opened');
  const { created_at, first_position, ...rest } = opening;
  const numbers = { version: `${state.version}`, first_position: `${first_position}` };
  return { ...state, ...rest, ...numbers, created_at: new Date(created_at) } as AccountColumns;
}

const log = createTestLog();
const rows = apply(['a', 'b', 'c', 'd'].flatMap((id) => log.open(id))).accounts;
const found = rows.map(columnsOf);

describe('accounts in chunks', () => {
  test('are all there', () => {
    const accounts = new AccountRows();
    accounts.add(rows, 4);
    expect(accounts.compare(found.slice(0, 2), { position: 4, last: 'b' })).toBeUndefined();
    expect(accounts.compare(found.slice(2), { position: 4, last: undefined })).toBeUndefined();
    expect(accounts.missing()).toBeUndefined();
  });

  test('one is missing in the chunk where it belongs', () => {
    const accounts = new AccountRows();
    accounts.add(rows, 4);
    expect(accounts.compare([found[1]!], { position: 4, last: 'b' })).toBeUndefined();
    expect(accounts.compare(found.slice(2), { position: 5, last: undefined })).toBeUndefined();
    expect(accounts.missing()).toMatchObject({
      position: 4,
      subject: 'accounts a',
      message: 'its row is missing',
    });
  });

  test('one that was opened after its chunk was read is not missed there', () => {
    const accounts = new AccountRows();
    accounts.add(rows.slice(1, 3), 3);
    expect(accounts.compare([found[1]!], { position: 3, last: 'b' })).toBeUndefined();
    accounts.add([rows[0]!, rows[3]!], 5);
    expect(accounts.compare(found.slice(2), { position: 5, last: undefined })).toBeUndefined();
    expect(accounts.missing()).toBeUndefined();
  });
});
