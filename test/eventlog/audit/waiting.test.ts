import { describe, expect, test } from 'vitest';
import { createTestLog } from '../../support/events/events.ts';
import { audit, forge, sealed, storedMessages, type Stored } from '../../support/events/stored-messages.ts';
import { withHeader } from './forgeries.ts';
import { again, changed, placeOf, rebuilt, twice, waitingLog, without, type Name } from './waiting-log.ts';

const whole = waitingLog();
/** The position of an event in it. */
const at = (...name: Name) => placeOf(whole, name) + 1;

type Case = { log: Stored[]; code: string; position: number; message: RegExp };

test('a log with transfers that wait, holds, reversals and transactions has no finding', () => {
  expect(audit(whole)).toBeUndefined();
  expect(audit(rebuilt(whole))).toBeUndefined();
});

test('a transaction may move more than an amount can say, and be reversed', () => {
  const log = createTestLog();
  const most = 9n * 10n ** 18n;
  const pair = (currency: string) => [
    { account: `world_${currency}`, direction: 'debit', amount: most, currency } as const,
    { account: currency, direction: 'credit', amount: most, currency } as const,
  ];
  for (const currency of ['EUR', 'USD']) log.open(currency, { currency });
  const terms = { metadata: {}, requestedAt: '2026-01-01T00:00:00.000Z' };
  const entries = [...pair('EUR'), ...pair('USD')];
  log.run({ type: 'transfer', id: 'x', terms: { kind: 'transaction', entries, ...terms } });
  log.run({ type: 'reversal', id: 'r', reverses: 'x', terms });
  expect(log.events.at(-1)).toMatchObject({
    name: 'TransferReversed',
    data: { reversed: '18000000000000000000' },
  });
  expect(audit(storedMessages(log.events))).toBeUndefined();
});

describe('the life of a transfer, a hold or an account', () => {
  const CASES: Record<string, Case> = {
    'a transfer is approved that was not asked for': {
      log: without(whole, ['w', 'requested'], ['alice', 'held']),
      code: 'lifecycle',
      position: at('w', 'requested') - 1,
      message: /transfer\/w does not begin with TransferApproved/,
    },
    'a transfer moves that nobody has approved': {
      log: without(whole, ['w', 'approved']),
      code: 'lifecycle',
      position: at('w', 'completed') - 1,
      message: /TransferCompleted cannot happen to transfer\/w now: nobody has approved it/,
    },
    'a transfer is asked for twice': {
      log: twice(whole, ['v', 'requested']),
      code: 'lifecycle',
      position: at('v', 'requested') + 1,
      message: /transfer\/v has begun before it/,
    },
    'a transfer goes on after it was cancelled': {
      log: again(whole, ['v', 'cancelled']),
      code: 'lifecycle',
      position: whole.length + 1,
      message: /transfer\/v has ended before it/,
    },
    'a transfer that was posted fails': {
      log: forge(failedAfterPosted()),
      code: 'lifecycle',
      position: whole.length + 1,
      message: /TransferFailed cannot happen to transfer\/d now: its money has moved/,
    },
    'a transfer is undone again that was wholly undone': {
      log: again(whole, ['w', 'reversed', 2]),
      code: 'lifecycle',
      position: whole.length + 1,
      message: /transfer\/w has ended before it/,
    },
    'a hold is extended that was not placed': {
      log: without(whole, ['h2', 'placed'], ['alice', 'held', 5]),
      code: 'lifecycle',
      position: at('h2', 'placed') - 1,
      message: /hold\/h2 does not begin with HoldExtended/,
    },
    'a hold ends twice': {
      log: again(whole, ['h', 'captured']),
      code: 'lifecycle',
      position: whole.length + 1,
      message: /hold\/h has ended before it/,
    },
    'money leaves a frozen account': {
      log: frozenSpender(),
      code: 'lifecycle',
      position: 4,
      message: /MoneyWithdrawn cannot happen to account\/bob now: it is frozen/,
    },
    'something happens to a closed account': {
      log: again(whole, ['carol', 'closed']),
      code: 'lifecycle',
      position: whole.length + 1,
      message: /account\/carol has ended before it/,
    },
    'the world account is frozen': {
      log: worldFrozen(),
      code: 'lifecycle',
      position: at('bob', 'frozen'),
      message: /AccountFrozen cannot happen to account\/world_EUR now: it stands for the world outside/,
    },
  };
  test.each(Object.entries(CASES))('%s', (_, { log, code, position, message }) => {
    const finding = audit(log);
    expect(finding).toMatchObject({ code, position });
    expect(finding?.message).toMatch(message);
  });
});

/** Bob is frozen, and pays. */
function frozenSpender(): Stored[] {
  const log = createTestLog();
  log.open('bob', { overdraftLimit: 50n });
  log.open('alice');
  log.move(['bob', 'alice'], 5n);
  const stored = storedMessages(log.events);
  const other = createTestLog();
  other.open('bob', { overdraftLimit: 50n });
  other.setStatus('bob', 'freeze');
  const frozen = withHeader('ce-id', 'frozen-1')(storedMessages(other.events)[1]!);
  return forge(stored.toSpliced(2, 0, frozen));
}

/** The deposit with an end of another kind behind it. */
function failedAfterPosted(): Stored[] {
  const log = createTestLog();
  log.open('alice');
  log.deposit('alice', 1_000n, { id: 'd', scheduledFor: '2026-01-02T12:00:00.000Z' });
  const rejection = { code: 'rail_declined', detail: 'No.' } as const;
  const [failed] = log.run({ type: 'step', id: 'd', step: { type: 'fail', rejection } });
  const alone = storedMessages([{ ...failed!, batch: { id: 'late', sequence: 1, last: true } }]);
  return [...whole, ...alone];
}

function worldFrozen(): Stored[] {
  const place = placeOf(whole, ['bob', 'frozen']);
  const message = whole[place]!;
  const subject = message.subject.replace('.bob.', '.world_EUR.');
  const headers = new Map(message.headers).set('ce-subject', 'world_EUR');
  return forge(whole.with(place, sealed({ ...message, subject, headers })));
}

describe('what was asked for', () => {
  const CASES: Record<string, Case> = {
    'a transfer is approved for another amount than was asked for': {
      log: changed(whole, ['w', 'approved'], (data) => (data.amount = '301')),
      code: 'terms',
      position: at('w', 'approved'),
      message: /what it says that transfer\/w is to be is not what was said before/,
    },
    'a transfer is completed with another reference': {
      log: changed(whole, ['w', 'completed'], (data) => (data.reference = 'gift')),
      code: 'terms',
      position: at('w', 'completed'),
      message: /transfer\/w/,
    },
    'a transfer that was posted is undone as another': {
      log: changed(whole, ['w', 'reversed'], (data) => (data.amount = '9999')),
      code: 'terms',
      position: at('w', 'reversed'),
      message: /transfer\/w/,
    },
    'a hold goes elsewhere once it is extended': {
      log: changed(whole, ['h2', 'extended'], (data) => (data.destination = 'bob')),
      code: 'terms',
      position: at('h2', 'extended'),
      message: /hold\/h2/,
    },
    'a transfer begins as what it does not ask for': {
      log: changed(whole, ['s', 'requested'], (data) => (data.status = 'pending')),
      code: 'terms',
      position: at('s', 'requested'),
      message: /begins as pending, but its terms ask for scheduled/,
    },
    'a transfer is posted at once that was to be approved': {
      log: changed(whole, ['d', 'completed'], (data) => {
        data.approval_expires_at = '2026-01-02T12:00:00.000Z';
      }),
      code: 'terms',
      position: at('d', 'completed'),
      message: /posted at once, but was to be awaiting_approval first/,
    },
    'a hold is captured for more than it holds': {
      log: changed(whole, ['h', 'captured'], (data) => (data.captured = '201')),
      code: 'terms',
      position: at('h', 'captured'),
      message: /captures 201, but the hold is one of 200/,
    },
  };
  test.each(Object.entries(CASES))('%s', (_, { log, code, position, message }) => {
    const finding = audit(log);
    expect(finding).toMatchObject({ code, position });
    expect(finding?.message).toMatch(message);
  });

  test('may be written in another order', () => {
    const other = changed(whole, ['w', 'completed'], (data) => {
      const { metadata, ...rest } = data;
      for (const name of Object.keys(data)) delete data[name];
      Object.assign(data, { metadata }, rest);
    });
    const turned = changed(other, ['h2', 'extended'], (data) => {
      data.metadata = { a: '1', b: '2' };
    });
    expect(audit(turned)).toBeUndefined();
  });
});

describe('what two sides tell', () => {
  const CASES: Record<string, Case> = {
    'a hold says that less was captured than its transfer moves': {
      log: changed(whole, ['h', 'captured'], (data) => (data.captured = '49')),
      code: 'counterpart',
      position: at('c', 'completed'),
      message: /"c captures h: 50 EUR of alice", but nothing else in its batch says so/,
    },
    'a hold names another transfer': {
      log: changed(whole, ['h', 'captured'], (data) => (data.transfer = 'other')),
      code: 'counterpart',
      position: at('c', 'completed'),
      message: /nothing else in its batch says so/,
    },
    'a capture names another hold': {
      log: changed(whole, ['c', 'completed'], (data) => (data.hold = 'other')),
      code: 'counterpart',
      position: at('c', 'completed'),
      message: /c captures other/,
    },
    'a capture names no hold': {
      log: changed(whole, ['c', 'completed'], (data) => delete data.hold),
      code: 'counterpart',
      position: at('c', 'completed'),
      message: /nothing else/,
    },
    'another transfer claims to be a capture': {
      log: changed(whole, ['d', 'completed'], (data) => (data.hold = 'h')),
      code: 'counterpart',
      position: at('d', 'completed'),
      message: /d captures h/,
    },
    'a capture is only a transfer, and the hold still says it was captured': {
      log: changed(whole, ['c', 'completed'], (data) => {
        data.kind = 'transfer';
        delete data.hold;
      }),
      code: 'counterpart',
      position: at('h', 'captured'),
      message: /no transfer of its batch does so/,
    },
    'a reversal, and the transfer does not know of it': {
      log: without(whole, ['w', 'reversed'], ['w', 'reversed', 2]),
      code: 'counterpart',
      position: at('r1', 'completed'),
      message: /r1 undoes w: credit 100 EUR alice, debit 100 EUR bob/,
    },
    'a transfer says that another one has undone it': {
      log: changed(whole, ['w', 'reversed'], (data) => {
        (data.reversal as Record<string, string>).id = 'other';
      }),
      code: 'counterpart',
      position: at('r1', 'completed'),
      message: /r1 undoes w/,
    },
    'a reversal names another transfer': {
      log: changed(whole, ['r1', 'completed'], (data) => (data.reverses = 'd')),
      code: 'counterpart',
      position: at('r1', 'completed'),
      message: /r1 undoes d/,
    },
  };
  test.each(Object.entries(CASES))('%s', (_, { log, code, position, message }) => {
    const finding = audit(log);
    expect(finding).toMatchObject({ code, position });
    expect(finding?.message).toMatch(message);
  });
});

describe('what was undone', () => {
  const CASES: Record<string, Case> = {
    'the sum does not go on from the one before': {
      log: changed(whole, ['w', 'reversed'], (data) => (data.reversed = '101')),
      code: 'reversed',
      position: at('w', 'reversed'),
      message: /says that 101 is undone, but 0 was, and now 100/,
    },
    'the sum forgets the one before': {
      log: changed(whole, ['w', 'reversed', 2], (data) => (data.reversed = '200')),
      code: 'reversed',
      position: at('w', 'reversed', 2),
      message: /says that 200 is undone, but 100 was, and now 200/,
    },
    'more is undone than was moved': {
      log: changed(whole, ['w', 'reversed', 2], (data) => {
        data.reversed = '301';
        (data.reversal as Record<string, string>).amount = '201';
      }),
      code: 'reversed',
      position: at('w', 'reversed', 2),
      message: /301 of the transfer w is undone, but it moved 300/,
    },
  };
  test.each(Object.entries(CASES))('%s', (_, { log, code, position, message }) => {
    const finding = audit(log);
    expect(finding).toMatchObject({ code, position });
    expect(finding?.message).toMatch(message);
  });
});

test('a limit that is lowered below what was spent overdraws the account', () => {
  const log = createTestLog();
  log.open('alice', { overdraftLimit: 50n });
  log.move(['alice', 'world_EUR'], 40n);
  log.run({ type: 'account', id: 'alice', command: { type: 'update', overdraftLimit: 45n } });
  const lowered = changed(storedMessages(log.events), ['alice', 'updated'], (data) => {
    data.overdraft_limit = '30';
    (data.balances as Record<string, string>).available = '-10';
  });
  const finding = audit(lowered);
  expect(finding).toMatchObject({ code: 'overdrawn', position: 5 });
  expect(finding?.message).toMatch(/alice has -10 EUR available/);
});

test('a movement of a transaction that is missing is found', () => {
  expect(audit(without(whole, ['alice', 'withdrawn', 3]))).toMatchObject({ code: 'transfer' });
});
