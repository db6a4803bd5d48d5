import { describe, expect, test } from 'vitest';
import { AMOUNT_MAX } from '../../domain/money.ts';
import { ledgerWith, type MemoryLedger, namesOf, NIGHT, NOON, NOW } from './memory-ledger.ts';

const fromAlice = (amount: bigint) => ({ source: 'alice', destination: 'bob', amount });

describe('a transfer', () => {
  test('takes from the source, gives to the destination, and is completed, in this order', () => {
    const ledger = ledgerWith({ alice: 0n });
    const decision = ledger.move('t1', { source: 'world_EUR', destination: 'alice', amount: 5n });
    expect(namesOf(decision)).toEqual([
      'world_EUR MoneyWithdrawn',
      'alice MoneyDeposited',
      't1 TransferCompleted',
    ]);
    expect(ledger.balances('alice').posted).toBe(5n);
    expect(ledger.balances('world_EUR').posted).toBe(-5n);
  });

  test('that is refused is recorded as rejected and moves nothing', () => {
    const ledger = ledgerWith({ alice: 0n, bob: 0n });
    const decision = ledger.move('t1', fromAlice(5n));
    expect(namesOf(decision)).toEqual(['t1 TransferRejected']);
    expect(decision.rejection?.code).toBe('insufficient_funds');
    expect(ledger.balances('bob').posted).toBe(0n);
  });

  test.each([
    ['ghost', 'alice'],
    ['alice', 'ghost'],
    ['ghost', 'ghost'],
  ])('from %s to %s names an account which does not exist, and leaves no trace', (source, destination) => {
    const ledger = ledgerWith({ alice: 0n });
    for (const more of [{}, { approvalExpiresAt: NOON }, { scheduledFor: NOON }]) {
      const decision = ledger.move('t1', { source, destination, amount: 5n }, more);
      expect(decision).toMatchObject({ events: [], rejection: { code: 'account_not_found' } });
    }
  });

  test('gives the first rejection by precedence when several apply', () => {
    const ledger = ledgerWith({ alice: 0n, shut: 0n, ice: 0n });
    ledger.create('dollars', 'USD');
    ledger.change('shut', 'close');
    ledger.change('ice', 'freeze');
    const refused = (source: string, destination: string, currency = 'EUR') =>
      ledger.move(`${source} to ${destination}`, { source, destination, amount: 5n }, { currency }).rejection
        ?.code;
    expect(refused('alice', 'alice', 'USD')).toBe('same_account');
    expect(refused('shut', 'dollars')).toBe('currency_mismatch');
    expect(refused('ice', 'shut')).toBe('account_closed');
    expect(refused('ice', 'alice')).toBe('account_frozen');
    expect(refused('alice', 'ice')).toBe('insufficient_funds');
  });
});

describe('a transfer that somebody has to approve', () => {
  const toApprove = { approvalExpiresAt: NOON };
  function waiting(): MemoryLedger {
    const ledger = ledgerWith({ alice: 10n, bob: 0n });
    ledger.move('t', fromAlice(7n), toApprove);
    return ledger;
  }

  test('holds its money until somebody has decided', () => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n });
    const decision = ledger.move('t', fromAlice(7n), toApprove);
    expect(namesOf(decision)).toEqual(['alice FundsHeld', 't TransferRequested']);
    expect(ledger.balances('alice')).toEqual({ posted: 10n, held: 7n });
    expect(ledger.transfer('t').status).toBe('awaiting_approval');
    expect(ledger.move('t2', fromAlice(4n)).rejection?.code).toBe('insufficient_funds');
  });

  test.each([
    { what: 'more than there is', amount: 11n, destination: 'bob', code: 'insufficient_funds' },
    { what: 'a closed account', amount: 1n, destination: 'shut', code: 'account_closed' },
    { what: 'its own account', amount: 1n, destination: 'alice', code: 'same_account' },
  ])('is rejected at once if it asks for $what', ({ amount, destination, code }) => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n, shut: 0n });
    ledger.change('shut', 'close');
    const decision = ledger.move('t', { source: 'alice', destination, amount }, toApprove);
    expect(namesOf(decision)).toEqual(['t TransferRejected']);
    expect(decision.rejection?.code).toBe(code);
  });

  test('when it is approved, moves what it held', () => {
    const ledger = waiting();
    expect(namesOf(ledger.step('t', { type: 'approve', at: NOW }))).toEqual([
      't TransferApproved',
      'alice FundsReleased',
      'alice MoneyWithdrawn',
      'bob MoneyDeposited',
      't TransferCompleted',
    ]);
    expect(ledger.balances('alice')).toEqual({ posted: 3n, held: 0n });
    expect(ledger.balances('bob')).toEqual({ posted: 7n, held: 0n });
  });

  test.each([
    { step: { type: 'reject' }, event: 'TransferRejected', status: 'rejected' },
    { step: { type: 'cancel' }, event: 'TransferCancelled', status: 'cancelled' },
    { step: { type: 'expire' }, event: 'TransferExpired', status: 'expired' },
  ] as const)('$step.type lets its money go', ({ step, event, status }) => {
    const ledger = waiting();
    const decision = ledger.step('t', step);
    expect(namesOf(decision)).toEqual(['alice FundsReleased', `t ${event}`]);
    expect(decision.rejection).toBeUndefined();
    expect(ledger.balances('alice')).toEqual({ posted: 10n, held: 0n });
    expect(ledger.transfer('t').status).toBe(status);
    expect(ledger.step('t', { type: 'approve', at: NOW })).toMatchObject({
      events: [],
      rejection: { code: 'transfer_not_pending' },
    });
  });

  test('fails when it is approved and an account does not take part any more, and keeps nothing', () => {
    const ledger = waiting();
    ledger.change('bob', 'close');
    const decision = ledger.step('t', { type: 'approve', at: NOW });
    expect(namesOf(decision)).toEqual(['t TransferApproved', 'alice FundsReleased', 't TransferFailed']);
    expect(decision.rejection?.code).toBe('account_closed');
    expect(ledger.balances('alice')).toEqual({ posted: 10n, held: 0n });
  });

  test('and has a day keeps its money till then, and then moves it', () => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n });
    ledger.move('t', fromAlice(7n), { ...toApprove, scheduledFor: NIGHT });
    expect(namesOf(ledger.step('t', { type: 'complete' }))).toEqual([]);
    expect(namesOf(ledger.step('t', { type: 'approve', at: NOW }))).toEqual(['t TransferApproved']);
    expect(ledger.balances('alice')).toEqual({ posted: 10n, held: 7n });
    ledger.step('t', { type: 'complete' });
    expect(ledger.balances('alice')).toEqual({ posted: 3n, held: 0n });
  });

  test('cannot be approved twice, nor completed twice', () => {
    const ledger = waiting();
    ledger.step('t', { type: 'approve', at: NOW });
    expect(ledger.step('t', { type: 'approve', at: NOW }).rejection?.code).toBe('transfer_not_pending');
    expect(ledger.step('t', { type: 'complete' })).toEqual({ events: [] });
    expect(ledger.balances('bob')).toEqual({ posted: 7n, held: 0n });
  });
});

describe('a transfer that waits for its day', () => {
  test('holds nothing: what is there on that day counts', () => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n });
    expect(namesOf(ledger.move('t', fromAlice(99n), { scheduledFor: NOON }))).toEqual([
      't TransferRequested',
    ]);
    expect(ledger.balances('alice')).toEqual({ posted: 10n, held: 0n });
    ledger.move('more', { source: 'world_EUR', destination: 'alice', amount: 89n });
    expect(namesOf(ledger.step('t', { type: 'complete' }))).toEqual([
      'alice MoneyWithdrawn',
      'bob MoneyDeposited',
      't TransferCompleted',
    ]);
    expect(ledger.balances('bob').posted).toBe(99n);
  });

  test('fails on that day if the money is not there', () => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n });
    ledger.move('t', fromAlice(11n), { scheduledFor: NOON });
    const decision = ledger.step('t', { type: 'complete' });
    expect(namesOf(decision)).toEqual(['t TransferFailed']);
    expect(decision.rejection?.code).toBe('insufficient_funds');
    expect(ledger.transfer('t').status).toBe('failed');
  });

  test('begins though its source is frozen, which may pass; not if an account is closed, which never does', () => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n, shut: 0n });
    ledger.change('shut', 'close');
    ledger.change('alice', 'freeze');
    expect(ledger.move('t', fromAlice(5n), { scheduledFor: NOON }).rejection).toBeUndefined();
    const toShut = { source: 'alice', destination: 'shut', amount: 5n };
    expect(ledger.move('t2', toShut, { scheduledFor: NOON }).rejection?.code).toBe('account_closed');
    const dollars = { scheduledFor: NOON, currency: 'USD' };
    expect(ledger.move('t3', fromAlice(5n), dollars).rejection?.code).toBe('currency_mismatch');
  });
});

describe('a transfer through a rail', () => {
  test('holds its money until the rail has taken it', () => {
    const ledger = ledgerWith({ alice: 10n });
    const out = { source: 'alice', destination: 'world_EUR', amount: 7n };
    expect(namesOf(ledger.move('t', out, { rail: 'sepa' }))).toEqual([
      'alice FundsHeld',
      't TransferRequested',
    ]);
    expect(namesOf(ledger.step('t', { type: 'park', reason: 'no answer' }))).toEqual(['t TransferParked']);
    ledger.step('t', { type: 'complete' });
    expect(ledger.balances('alice')).toEqual({ posted: 3n, held: 0n });
  });

  test('that declines it lets the money go', () => {
    const ledger = ledgerWith({ alice: 10n });
    ledger.move('t', { source: 'alice', destination: 'world_EUR', amount: 7n }, { rail: 'sepa' });
    const rejection = { code: 'rail_declined', detail: 'No such IBAN.' } as const;
    expect(namesOf(ledger.step('t', { type: 'fail', rejection }))).toEqual([
      'alice FundsReleased',
      't TransferFailed',
    ]);
    expect(ledger.balances('alice')).toEqual({ posted: 10n, held: 0n });
  });

  test('that has to be approved is not on its way before that', () => {
    const ledger = ledgerWith({ alice: 10n });
    const out = { source: 'alice', destination: 'world_EUR', amount: 7n };
    ledger.move('t', out, { rail: 'sepa', approvalExpiresAt: NOON });
    expect(namesOf(ledger.step('t', { type: 'approve', at: NOW }))).toEqual(['t TransferApproved']);
    expect(ledger.transfer('t').status).toBe('pending');
    expect(ledger.step('t', { type: 'cancel' }).rejection?.code).toBe('transfer_not_pending');
  });
});

describe('the largest amounts', () => {
  test('a balance that would pass 2^63-1 is refused, also when a transfer has waited', () => {
    const ledger = ledgerWith({ alice: 5n, bob: AMOUNT_MAX - 9n });
    ledger.create('carol', 'EUR', 9n);
    ledger.move('t', fromAlice(5n), { approvalExpiresAt: NOON });
    ledger.move('more', { source: 'carol', destination: 'bob', amount: 9n });
    expect(ledger.step('t', { type: 'approve', at: NOW }).rejection?.code).toBe('amount_overflow');
    expect(ledger.balances('alice')).toEqual({ posted: 5n, held: 0n });
  });
});
