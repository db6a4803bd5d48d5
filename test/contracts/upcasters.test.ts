import { expect, test } from 'vitest';
import { EVENT_DATA, eventType, parseEventType } from '../../contracts/events.ts';
import { EVENT_VERSIONS, upcast } from '../../contracts/upcasters.ts';
import { decode } from '../../eventlog/wire/codec.ts';

const state = {
  status: 'open',
  currency: 'EUR',
  balances: { posted: '5', held: '0', available: '5' },
  overdraft_limit: '0',
};
/** As receipts were written before the account's fields stood together. */
const first = { account: 'alice', created: true, version: 1, ...state };

test('a receipt of version 1 in the log reads as one of version 2', () => {
  const message = {
    subject: `receipt.main.command.${'a'.repeat(64)}.recorded`,
    seq: 7,
    data: Buffer.from(JSON.stringify(first)),
    headers: new Map([
      ['ce-type', 'ledger.CommandRecorded.v1'],
      ['ce-version', '1'],
    ]),
  };
  const event = decode(message);
  expect(event.type).toBe('ledger.CommandRecorded.v2');
  expect(event.data).toEqual({ created: true, account: { id: 'alice', version: 1, ...state } });
  expect(EVENT_DATA.CommandRecorded.safeParse(event.data).success).toBe(true);
});

test('data of the newest version is left as it is', () => {
  const newest = upcast('CommandRecorded', 1, first);
  expect(upcast('CommandRecorded', 2, newest)).toBe(newest);
  expect(upcast('MoneyDeposited', 1, first)).toBe(first);
});

test('a version that this Tallybook does not know is named, not guessed at', () => {
  expect(() => upcast('CommandRecorded', 3, first)).toThrow(/newer Tallybook/);
});

test('every event that outsiders read is at its first version, and its type says so', () => {
  expect(Object.keys(EVENT_VERSIONS)).toEqual(['CommandRecorded']);
  expect(parseEventType(eventType('CommandRecorded'))).toEqual({ name: 'CommandRecorded', version: 2 });
  expect(eventType('MoneyDeposited')).toBe('ledger.MoneyDeposited.v1');
  expect(parseEventType('ledger.MoneyDeposited.v0')).toBeUndefined();
  expect(parseEventType('ledger.toString.v1')).toBeUndefined();
});
