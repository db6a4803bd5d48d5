import { describe, expect, test } from 'vitest';
import type { AccountRecord } from '../../../contracts/events.ts';
import { AccountsCheck } from '../../../eventlog/audit/accounts-check.ts';
import { createTestLog } from '../../support/events/events.ts';
import { audit, forge, type Stored } from '../../support/events/stored-messages.ts';
import { changed, heldMore, placeOf, twice, waitingLog, without, type Name } from './waiting-log.ts';

const whole = waitingLog();
/** The position of an event in it. */
const at = (...name: Name) => placeOf(whole, name) + 1;

type Case = { log: Stored[]; code: string; position: number; message: RegExp };

describe('what is held', () => {
  const CASES: Record<string, Case> = {
    'a hold is placed, and no money is held': {
      log: without(whole, ['alice', 'held', 2]),
      code: 'reservation',
      position: at('h', 'placed') - 1,
      message: /hold\/h needs 200 EUR of alice, but nothing is held for it/,
    },
    'a transfer waits for its approval, and no money is held': {
      log: without(whole, ['alice', 'held']),
      code: 'reservation',
      position: at('w', 'requested') - 1,
      message: /transfer\/w needs 300 EUR of alice, but nothing is held/,
    },
    'a hold is placed, and less is held': {
      log: changed(heldMore(whole, ['alice', 'held', 2], -1n), ['alice', 'held', 2], (data) => {
        data.amount = '199';
      }),
      code: 'reservation',
      position: at('h', 'placed'),
      message: /needs 200 EUR of alice, but 199 EUR of alice is held/,
    },
    'money is held on another account': {
      log: changed(whole, ['h', 'placed'], (data) => (data.account = 'bob')),
      code: 'reservation',
      position: at('h', 'placed'),
      message: /needs 200 EUR of bob, but 200 EUR of alice is held/,
    },
    'money is held in another currency': {
      log: changed(whole, ['h', 'placed'], (data) => (data.currency = 'USD')),
      code: 'reservation',
      position: at('h', 'placed'),
      message: /needs 200 USD of alice, but 200 EUR of alice is held/,
    },
    'money is held for something that does not begin': {
      log: without(whole, ['h2', 'placed'], ['h2', 'extended'], ['alice', 'released', 5], ['h2', 'voided']),
      code: 'reservation',
      position: at('alice', 'held', 5),
      message: /held for hold\/h2, which does not begin in its batch/,
    },
    'money is held for nothing': {
      log: changed(whole, ['alice', 'held', 2], (data) => delete data.hold),
      code: 'reservation',
      position: at('alice', 'held', 2),
      message: /neither a hold nor a transfer/,
    },
    'money is held for two things': {
      log: changed(whole, ['alice', 'held', 2], (data) => (data.transfer = 'w')),
      code: 'reservation',
      position: at('alice', 'held', 2),
      message: /or both/,
    },
    'money is held twice': {
      log: twice(whole, ['alice', 'held', 2]),
      code: 'reservation',
      position: at('alice', 'held', 2) + 1,
      message: /held for hold\/h already/,
    },
    'money is held for a transfer that only waits for its day': {
      log: datedInstead(),
      code: 'reservation',
      position: at('v', 'requested'),
      message: /transfer\/v needs nothing, but 7 EUR of alice is held/,
    },
    'a hold ends, and its money is still held': {
      log: without(whole, ['alice', 'released', 5]),
      code: 'reservation',
      position: at('h2', 'voided') - 1,
      message: /hold\/h2 ends, but 9 EUR of alice is still held for it/,
    },
    'a transfer moves, and its money is still held': {
      log: without(heldMore(whole, ['alice', 'withdrawn'], 300n), ['alice', 'released']),
      code: 'reservation',
      position: at('w', 'completed') - 1,
      message: /transfer\/w ends, but 300 EUR of alice is still held/,
    },
    'money is released, and its hold goes on': {
      log: without(whole, ['h2', 'voided']),
      code: 'reservation',
      position: at('alice', 'released', 5),
      message: /released of hold\/h2, which does not end in its batch/,
    },
    'money is released twice': {
      log: twice(whole, ['alice', 'released', 2]),
      code: 'reservation',
      position: at('alice', 'released', 2) + 1,
      message: /nothing is held for hold\/h/,
    },
    'not all of it is released': {
      log: changed(heldMore(whole, ['alice', 'released', 2], 1n), ['alice', 'released', 2], (data) => {
        data.amount = '199';
      }),
      code: 'reservation',
      position: at('alice', 'released', 2),
      message: /it releases 199 EUR of alice, but 200 EUR of alice is held/,
    },
    'an event says another sum of what is held': {
      log: forge(heldMore(whole, ['alice', 'withdrawn', 2], 1n)),
      code: 'balance',
      position: at('alice', 'withdrawn', 2),
      message: /held balance 1, but its account's events give 0/,
    },
  };
  test.each(Object.entries(CASES))('%s', (_, { log, code, position, message }) => {
    const finding = audit(log);
    expect(finding).toMatchObject({ code, position });
    expect(finding?.message).toMatch(message);
  });

  test('less than nothing', () => {
    const accounts = new AccountsCheck();
    const log = createTestLog();
    log.open('alice', { overdraftLimit: 9n });
    const terms = {
      account: 'alice',
      amount: 5n,
      currency: 'EUR',
      metadata: {},
      requestedAt: '2026-01-01T00:00:00Z',
    };
    log.run({ type: 'hold', id: 'h', step: { type: 'place', terms }, at: terms.requestedAt });
    log.run({ type: 'hold', id: 'h', step: { type: 'void' }, at: terms.requestedAt });
    const events = log.events.filter(({ name }) => name === 'AccountCreated' || name === 'FundsReleased');
    accounts.add(events[0] as AccountRecord);
    expect(() => accounts.add(events[1] as AccountRecord)).toThrow(/alice has -5 EUR held/);
  });
});

const date = (data: Record<string, unknown>) => {
  delete data.approval_expires_at;
  Object.assign(data, { scheduled_for: '2026-01-02T12:00:00.000Z' });
};

/** Both events of `v` say that it is to wait for its day. */
function datedInstead(): Stored[] {
  const requested = changed(whole, ['v', 'requested'], (data) => {
    date(data);
    data.status = 'scheduled';
  });
  return changed(requested, ['v', 'cancelled'], date);
}
