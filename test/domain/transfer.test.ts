import { describe, expect, test } from 'vitest';
import { rejection } from '../../domain/rejections.ts';
import {
  entriesOf,
  firstStatus,
  heldWhileWaiting,
  totalOf,
  transfer,
  type MovementTerms,
  type TransactionTerms,
  type TransferCommand,
  type TransferEvent,
} from '../../domain/transfer.ts';
import { specify } from '../support/events/decider-spec.ts';

const terms: MovementTerms = {
  kind: 'transfer',
  source: 'alice',
  destination: 'bob',
  amount: 100n,
  currency: 'EUR',
  metadata: {},
  requestedAt: '2026-01-01T00:00:00.000Z',
};
const MORNING = '2026-01-02T08:00:00.000Z';
const NOON = '2026-01-02T12:00:00.000Z';
const NIGHT = '2026-01-02T20:00:00.000Z';

const toApprove: MovementTerms = { ...terms, approvalExpiresAt: NOON };
const dated: MovementTerms = { ...terms, scheduledFor: NOON };
const toApproveAndDated: MovementTerms = { ...toApprove, scheduledFor: NIGHT };
const byRail: MovementTerms = { ...terms, rail: 'sepa' };
const transaction: TransactionTerms = {
  kind: 'transaction',
  metadata: {},
  requestedAt: terms.requestedAt,
  entries: [
    { account: 'alice', direction: 'debit', amount: 70n, currency: 'EUR' },
    { account: 'bob', direction: 'credit', amount: 70n, currency: 'EUR' },
    { account: 'carol', direction: 'debit', amount: 30n, currency: 'USD' },
    { account: 'dora', direction: 'credit', amount: 30n, currency: 'USD' },
  ],
};

const requested = (of: MovementTerms): TransferEvent => {
  return { type: 'TransferRequested', terms: of, status: firstStatus(of)! };
};
const why = rejection('insufficient_funds', 'Not enough.');
const completed: TransferEvent = { type: 'TransferCompleted', terms };
const reversed = (amount: bigint, all: bigint): TransferEvent => {
  return { type: 'TransferReversed', terms, reversal: 'r', amount, reversed: all };
};

const t = specify(transfer, 't');

describe('beginning', () => {
  test('a transfer that waits for nothing is posted, or refused', () => {
    t.given().when({ type: 'post', terms }).then(completed);
    t.given()
      .when({ type: 'rejectByRule', terms, rejection: why })
      .then({ type: 'TransferRejected', terms, rejection: why });
  });
  test.each([
    { waits: toApprove, status: 'awaiting_approval' },
    { waits: dated, status: 'scheduled' },
    { waits: toApproveAndDated, status: 'awaiting_approval' },
    { waits: byRail, status: 'pending' },
    { waits: { ...byRail, approvalExpiresAt: NOON }, status: 'awaiting_approval' },
  ] as const)('one that has to wait is first $status', ({ waits, status }) => {
    t.given()
      .when({ type: 'request', terms: waits })
      .then({ type: 'TransferRequested', terms: waits, status });
  });
  test('happens once, and to wait there must be something to wait for: only a bug asks for that', () => {
    expect(() => t.given(completed).when({ type: 'post', terms })).toThrow(/begins once/);
    expect(() => t.given().when({ type: 'request', terms })).toThrow(/something to wait for/);
  });
});

describe('approving', () => {
  test('lets it go on at once, or on its day', () => {
    t.given(requested(toApprove))
      .when({ type: 'approve', at: MORNING, reason: 'fine' })
      .then({ type: 'TransferApproved', terms: toApprove, status: 'pending', reason: 'fine' });
    t.given(requested(toApproveAndDated))
      .when({ type: 'approve', at: MORNING })
      .then({ type: 'TransferApproved', terms: toApproveAndDated, status: 'scheduled' });
  });
  test('a day that has come is not waited for', () => {
    t.given(requested(toApproveAndDated))
      .when({ type: 'approve', at: NIGHT })
      .then({ type: 'TransferApproved', terms: toApproveAndDated, status: 'pending' });
  });
});

describe('saying no', () => {
  test('it is rejected with a reason, or without', () => {
    t.given(requested(toApprove))
      .when({ type: 'reject' })
      .then({ type: 'TransferRejected', terms: toApprove });
    t.given(requested(toApprove))
      .when({ type: 'reject', reason: 'no' })
      .then({ type: 'TransferRejected', terms: toApprove, reason: 'no' });
  });
  test('it is cancelled while it waits to be approved, or for its day', () => {
    t.given(requested(toApprove))
      .when({ type: 'cancel', reason: 'changed my mind' })
      .then({ type: 'TransferCancelled', terms: toApprove, reason: 'changed my mind' });
    t.given(requested(dated)).when({ type: 'cancel' }).then({ type: 'TransferCancelled', terms: dated });
  });
});

describe('the steps that nobody answers', () => {
  test('a transfer is completed on its day, or when the rail has taken it', () => {
    t.given(requested(dated)).when({ type: 'complete' }).then({ type: 'TransferCompleted', terms: dated });
    t.given(requested(byRail)).when({ type: 'complete' }).then({ type: 'TransferCompleted', terms: byRail });
  });
  test('what nobody has approved does not move, whatever a timer says', () => {
    t.given(requested(toApprove)).when({ type: 'complete' }).thenNothing();
    t.given(requested(toApproveAndDated)).when({ type: 'complete' }).thenNothing();
  });
  test('only what waits to be approved expires', () => {
    t.given(requested(toApprove))
      .when({ type: 'expire' })
      .then({ type: 'TransferExpired', terms: toApprove });
    t.given(requested(dated)).when({ type: 'expire' }).thenNothing();
    t.given(requested(byRail)).when({ type: 'expire' }).thenNothing();
  });
  test.each([toApprove, dated, byRail])('whatever waits can fail', (waits) => {
    t.given(requested(waits))
      .when({ type: 'fail', rejection: why })
      .then({ type: 'TransferFailed', terms: waits, rejection: why });
  });
  test('only what is out at a rail is parked, and goes on from there', () => {
    const parked: TransferEvent = { type: 'TransferParked', terms: byRail, reason: 'no answer' };
    t.given(requested(byRail)).when({ type: 'park', reason: 'no answer' }).then(parked);
    t.given(requested(dated)).when({ type: 'park', reason: 'no answer' }).thenNothing();
    t.given(requested(byRail), parked)
      .when({ type: 'complete' })
      .then({ type: 'TransferCompleted', terms: byRail });
  });
});

const ENDS: readonly TransferEvent[] = [
  completed,
  reversed(1n, 1n),
  { type: 'TransferRejected', terms, rejection: why },
  { type: 'TransferCancelled', terms },
  { type: 'TransferExpired', terms },
  { type: 'TransferFailed', terms, rejection: why },
];
const ANSWERS: readonly TransferCommand[] = [
  { type: 'approve', at: MORNING },
  { type: 'reject' },
  { type: 'cancel' },
];
const STEPS: readonly TransferCommand[] = [
  { type: 'complete' },
  { type: 'expire' },
  { type: 'fail', rejection: why },
  { type: 'park', reason: 'no answer' },
];

describe.each(ENDS)('after $type', (end) => {
  test.each(ANSWERS)('$type comes too late', (command) => {
    t.given(end).when(command).thenRejected('transfer_not_pending');
  });
  test.each(STEPS)('$type changes nothing', (command) => {
    t.given(end).when(command).thenNothing();
  });
});

describe('once the money is on its way', () => {
  test.each(ANSWERS)('$type comes too late', (command) => {
    t.given(requested(byRail)).when(command).thenRejected('transfer_not_pending');
  });
  test('one that waits for its day has been approved, if it had to be', () => {
    const approved: TransferEvent = {
      type: 'TransferApproved',
      terms: toApproveAndDated,
      status: 'scheduled',
    };
    const given = [requested(toApproveAndDated), approved];
    t.given(...given)
      .when({ type: 'approve', at: MORNING })
      .thenRejected('transfer_not_pending');
    t.given(...given)
      .when({ type: 'reject' })
      .thenRejected('transfer_not_pending');
    t.given(...given)
      .when({ type: 'cancel' })
      .then({ type: 'TransferCancelled', terms: toApproveAndDated });
  });
});

const reverse = (amount: bigint) => ({ type: 'reverse', reversal: 'r', amount }) as const;

describe('reversing', () => {
  test('a transfer remembers how much of it was undone, by one reversal or by many', () => {
    t.given(completed).when(reverse(100n)).then(reversed(100n, 100n));
    t.given(completed, reversed(30n, 30n)).when(reverse(70n)).then(reversed(70n, 100n));
  });
  test('no more is undone than was moved', () => {
    t.given(completed).when(reverse(101n)).thenRejected('amount_exceeds_transfer');
    t.given(completed, reversed(30n, 30n)).when(reverse(71n)).thenRejected('amount_exceeds_transfer');
  });
  test('what is wholly undone cannot be undone again, however little is asked for', () => {
    t.given(completed, reversed(100n, 100n)).when(reverse(1n)).thenRejected('already_reversed');
    t.given(completed, reversed(100n, 100n)).when(reverse(101n)).thenRejected('already_reversed');
  });
  test.each([requested(toApprove), requested(dated), requested(byRail), ...ENDS.slice(2)])(
    'what has moved nothing has nothing to undo: $type',
    (event) => {
      t.given(event).when(reverse(1n)).thenRejected('transfer_not_posted');
    },
  );
});

test.each([...ANSWERS, ...STEPS, { type: 'reverse', reversal: 'r', amount: 1n } as const])(
  'to a transfer that does not exist nothing happens: $type',
  (command) => {
    t.given().when(command).thenRejected('transfer_not_found');
  },
);

describe('what a transfer asks for', () => {
  test('the source is debited before the destination is credited', () => {
    expect(entriesOf(terms)).toEqual([
      { account: 'alice', direction: 'debit', amount: 100n, currency: 'EUR' },
      { account: 'bob', direction: 'credit', amount: 100n, currency: 'EUR' },
    ]);
  });
  test('a transaction credits first, so that only what it leaves behind must be covered', () => {
    const accounts = entriesOf(transaction).map(({ account }) => account);
    expect(accounts).toEqual(['bob', 'dora', 'alice', 'carol']);
  });
  test('its total is the amount, or all that is debited', () => {
    expect(totalOf(terms)).toBe(100n);
    expect(totalOf(transaction)).toBe(100n);
  });
  test('money is held while somebody decides or a rail is asked, not while a day is waited for', () => {
    const held = { account: 'alice', direction: 'debit', amount: 100n, currency: 'EUR' };
    expect([toApprove, toApproveAndDated, byRail].map(heldWhileWaiting)).toEqual([held, held, held]);
    expect([terms, dated, transaction].map(heldWhileWaiting)).toEqual([undefined, undefined, undefined]);
  });
});
