import { describe, expect, test } from 'vitest';
import { AccountsCheck } from '../../../eventlog/audit/accounts-check.ts';
import { Audit } from '../../../eventlog/audit/audit.ts';
import { createTestLog } from '../../support/events/events.ts';
import { audit, forge, renumber, sealed, type Stored } from '../../support/events/stored-messages.ts';
import {
  addToBob,
  inAccount,
  lowerLimit,
  overdraftUsed,
  rebatch,
  replaced,
  restamped,
  someLog,
  withData,
  withHeader,
} from './forgeries.ts';

describe('a log that is whole', () => {
  test('has no finding, and is summed up', () => {
    const running = new Audit({ ledger: 'test' });
    for (const message of someLog()) expect(running.add(message).finding).toBeUndefined();
    expect(running.end(13)).toBeUndefined();
    expect(running.summary()).toMatchObject({
      position: 13,
      aggregates: 8,
      accounts: 3,
      batches: 7,
      sums: { EUR: '0' },
      events: { AccountCreated: 2, TransferCompleted: 3, TransferRejected: 1, CommandRecorded: 1 },
      stepsBack: { count: 0 },
    });
  });

  test('may be empty', () => {
    expect(new Audit({ ledger: 'test' }).end(0)).toBeUndefined();
  });

  test('tells of times that step back', () => {
    const running = new Audit({ ledger: 'test' });
    const early = replaced(someLog(), 9, withHeader('ce-time', '2025-12-31T00:00:00.000Z'));
    for (const message of early) expect(running.add(message).finding).toBeUndefined();
    expect(running.summary().stepsBack).toEqual({ count: 1, first: 9 });
  });
});

describe('one thing that is wrong is found where it is', () => {
  const whole = someLog();
  const CASES: Record<string, { log: Stored[]; code: string; position: number; says: RegExp }> = {
    'a position is missing': {
      log: whole.toSpliced(8, 1),
      code: 'sequence',
      position: 10,
      says: /position 9 is missing/,
    },
    'the beginning is missing': {
      log: whole.slice(2),
      code: 'sequence',
      position: 3,
      says: /positions 1 to 2 are missing/,
    },
    'a message comes twice': {
      log: [...whole.slice(0, 2), whole[1]!, ...whole.slice(2)],
      code: 'sequence',
      position: 2,
      says: /not in its place/,
    },
    'a subject is none': {
      log: replaced(whole, 2, (message) => sealed({ ...message, subject: 'ledger.test.account.bob' })),
      code: 'subject',
      position: 2,
      says: /not that of an event/,
    },
    'an event is of another ledger': {
      log: replaced(whole, 2, (message) =>
        sealed({ ...message, subject: 'ledger.other.account.bob.created' }),
      ),
      code: 'subject',
      position: 2,
      says: /ledger "other"/,
    },
    'the subject is that of another event': {
      log: replaced(whole, 2, (message) => sealed({ ...message, subject: 'ledger.test.account.bob.frozen' })),
      code: 'subject',
      position: 2,
      says: /account.<id>.created/,
    },
    'a header names another aggregate': {
      log: replaced(whole, 2, withHeader('ce-subject', 'eve')),
      code: 'header',
      position: 2,
      says: /ce-subject is "eve", not "bob"/,
    },
    'a header names another ledger': {
      log: replaced(whole, 2, withHeader('ce-source', '/ledgers/other')),
      code: 'header',
      position: 2,
      says: /ce-source/,
    },
    'a time is none': {
      log: replaced(whole, 2, withHeader('ce-time', 'noon')),
      code: 'header',
      position: 2,
      says: /ce-time/,
    },
    'a header that no hash covers was added': {
      log: replaced(whole, 2, withHeader('ce-approvedby', 'nobody')),
      code: 'header',
      position: 2,
      says: /ce-approvedby/,
    },
    'the event is of a version to come': {
      log: replaced(whole, 2, withHeader('ce-type', 'ledger.AccountCreated.v9')),
      code: 'unknown_event',
      position: 2,
      says: /AccountCreated.v9/,
    },
    'the data are not those of the type': {
      log: replaced(
        whole,
        2,
        withData((data) => delete data.owner),
      ),
      code: 'data',
      position: 2,
      says: /owner/,
    },
    'the data are no JSON': {
      log: replaced(whole, 2, (message) => sealed({ ...message, data: Buffer.from('{') })),
      code: 'data',
      position: 2,
      says: /cannot be read/,
    },
    'the data were altered': {
      log: replaced(whole, 6, (message) => ({
        ...message,
        data: Buffer.from(message.data).fill('9', 20, 21),
      })),
      code: 'hash',
      position: 6,
      says: /altered/,
    },
    'a version is skipped': {
      log: replaced(whole, 6, withHeader('ce-version', '4')),
      code: 'version',
      position: 6,
      says: /version 4, but the next one of account\/alice is 3/,
    },
    'the chain is broken': {
      log: replaced(whole, 6, withHeader('ce-prevhash', '1'.repeat(64))),
      code: 'chain',
      position: 6,
      says: /version 2 of account\/alice/,
    },
    'an event that stood alone was left out, and the rest moved up': {
      log: renumber(whole.toSpliced(8, 1)),
      code: 'guard',
      position: 9,
      says: /went to position 9 before it: 1 missing/,
    },
    'an event stands elsewhere than its writer expected': {
      log: replaced(whole, 11, (message) => ({
        ...message,
        headers: new Map(message.headers).set('Nats-Expected-Last-Subject-Sequence', '1'),
      })),
      code: 'guard',
      position: 11,
      says: /behind position 1 of its aggregate/,
    },
    'the first of a batch is missing': {
      log: renumber(whole.toSpliced(2, 1)),
      code: 'batch',
      position: 3,
      says: /number 2 of the batch batch-3, where 1 is due/,
    },
    'the end of a batch is missing': {
      log: renumber(whole.toSpliced(4, 1)),
      code: 'batch',
      position: 5,
      says: /batch-3 has not ended/,
    },
    'a message stands in the middle of a batch': {
      log: renumber([...whole.slice(0, 4), whole[8]!, ...whole.slice(4)]),
      code: 'batch',
      position: 5,
      says: /belongs to none/,
    },
    'the log ends within a batch': {
      log: whole.slice(0, 7),
      code: 'batch',
      position: 6,
      says: /batch-4 begins with it and has no end/,
    },
    'money moves for no transfer': {
      log: forge(rebatch(whole.toSpliced(7, 1), 'batch-4')),
      code: 'transfer',
      position: 6,
      says: /the transfer t, which does not complete/,
    },
    'a transfer lacks a movement': {
      log: forge(rebatch(addToBob(whole, -300n).toSpliced(6, 1), 'batch-4')),
      code: 'transfer',
      position: 7,
      says: /lacks the credit of 300 EUR on bob/,
    },
    'a credit is larger than its debit': {
      log: forge(
        replaced(
          addToBob(whole, 1n),
          7,
          withData((data) => (data.amount = '301')),
        ),
      ),
      code: 'transfer',
      position: 7,
      says: /does not ask for the credit of 301 EUR on bob/,
    },
    'a carried balance is not the recomputed one': {
      log: forge(addToBob(whole, 7n)),
      code: 'balance',
      position: 7,
      says: /posted balance 307, but its account's events give 300/,
    },
    'an available balance is not that of the others': {
      log: forge(
        replaced(
          whole,
          7,
          withData((data) => ((data.balances as { available: string }).available = '5')),
        ),
      ),
      code: 'balance',
      position: 7,
      says: /available balance 5/,
    },
    'a status changes by itself': {
      log: forge(
        replaced(
          whole,
          7,
          withData((data) => (data.status = 'frozen')),
        ),
      ),
      code: 'balance',
      position: 7,
      says: /status frozen/,
    },
    'an account is overdrawn': {
      log: forge(overdraftUsed().map(inAccount('alice', lowerLimit))),
      code: 'overdrawn',
      position: 6,
      says: /alice has -2 EUR available/,
    },
    'an account begins twice': {
      log: forge([...whole.slice(0, 2), whole[0]!]),
      code: 'lifecycle',
      position: 3,
      says: /account\/alice has begun/,
    },
    'a transfer ends twice': {
      log: forge([...whole.slice(0, 9), whole[8]!]),
      code: 'lifecycle',
      position: 10,
      says: /transfer\/refused has ended/,
    },
    'two events of one command are swapped': {
      log: renumber(restamped([...whole.slice(0, 5), whole[6]!, whole[5]!, ...whole.slice(7)])),
      code: 'order',
      position: 6,
      says: /event 2 of the command batch-4, where event 1 is due/,
    },
    'an account that does not exist gets money': {
      log: forge(whole.toSpliced(0, 1)),
      code: 'lifecycle',
      position: 3,
      says: /account\/alice does not begin with MoneyDeposited/,
    },
  };
  test.each(Object.entries(CASES))('%s', (_, { log, code, position, says }) => {
    const finding = audit(log);
    expect(finding).toMatchObject({ code, position });
    expect(finding?.message).toMatch(says);
    expect(finding?.subject).toBe(log.find(({ seq }) => seq === position)?.subject);
  });

  test('the log is shorter than its keeper says', () => {
    const running = new Audit({ ledger: 'test' });
    for (const message of whole) running.add(message);
    expect(running.end(15)).toMatchObject({ code: 'sequence', position: 14 });
  });

  test('a currency does not sum to zero', () => {
    const accounts = new AccountsCheck();
    const log = createTestLog();
    for (const event of [...log.open('alice'), ...log.deposit('alice', 5n)]) {
      if (event.aggregate === 'account' && event.name !== 'MoneyWithdrawn') accounts.add(event);
    }
    expect(() => accounts.endBatch()).toThrow(/EUR sum to 5/);
  });
});
