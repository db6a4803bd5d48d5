import { beforeEach, describe, expect, test } from 'vitest';
import type { TransferStep } from '../../domain/ledger-transfers.ts';
import { MemoryLedger, NOON } from './memory-ledger.ts';

/** Alice has 10, of which 7 are on their way out through a rail. */
let ledger: MemoryLedger;
const out = { source: 'alice', destination: 'world_EUR', amount: 7n };
beforeEach(() => {
  ledger = new MemoryLedger();
  ledger.fund({ alice: 10n });
  ledger.move('t', out, { kind: 'withdrawal', rail: 'sepa' });
});

const names = (step: TransferStep, id = 't') =>
  ledger.carryOut({ type: 'step', id, step }).events.map(({ event }) => event.type);
const code = (step: TransferStep, id = 't') => ledger.carryOut({ type: 'step', id, step }).rejection?.code;
const holdings = () => {
  const alice = ledger.account('alice');
  return alice.status === 'none' ? [] : [alice.posted, alice.held];
};

const rejection = { code: 'rail_declined', detail: 'No such IBAN.' } as const;
const settled: TransferStep = { type: 'complete', rail: 'sepa' };
const declined: TransferStep = { type: 'fail', rail: 'sepa', rejection };
const parked: TransferStep = { type: 'park', rail: 'sepa', reason: 'no answer' };
const COMPLETED = ['FundsReleased', 'MoneyWithdrawn', 'MoneyDeposited', 'TransferCompleted'];

describe('the rail', () => {
  test('ends what it was given; what it says after that, or twice, changes nothing', () => {
    expect(names(settled)).toEqual(COMPLETED);
    for (const late of [settled, declined, parked]) expect(names(late)).toEqual([]);
    expect(holdings()).toEqual([3n, 0n]);
  });

  test('may decline it, and then nothing has moved', () => {
    expect(names(declined)).toEqual(['FundsReleased', 'TransferFailed']);
    for (const late of [settled, declined, parked]) expect(names(late)).toEqual([]);
    expect(holdings()).toEqual([10n, 0n]);
  });

  test('does not speak for what another rail was given, or no rail', () => {
    ledger.move('plain', { ...out, amount: 1n }, { scheduledFor: NOON });
    for (const step of [settled, declined, parked]) {
      expect(code({ ...step, rail: 'swift' })).toBe('transfer_not_found');
      expect(code(step, 'plain')).toBe('transfer_not_found');
      expect(code(step, 'nothing')).toBe('transfer_not_found');
    }
    expect(holdings()).toEqual([10n, 7n]);
  });

  test('does not speak for what has not been approved, and so was not given to it', () => {
    ledger.move('asked', { ...out, amount: 1n }, { rail: 'sepa', approvalExpiresAt: NOON });
    for (const step of [settled, declined, parked]) {
      expect(code(step, 'asked')).toBe('transfer_not_pending');
    }
  });

  test('that has paid out of an account that is frozen by now: the money is not let go, an operator decides', () => {
    ledger.change('alice', 'freeze');
    expect(names(settled)).toEqual(['TransferParked']);
    expect(names(settled)).toEqual([]);
    expect(holdings()).toEqual([10n, 7n]);
    expect(code({ type: 'resolve', outcome: 'completed' })).toBe('account_frozen');
    ledger.change('alice', 'unfreeze');
    expect(names({ type: 'resolve', outcome: 'completed' })).toEqual(COMPLETED);
  });
});

describe('an operator', () => {
  test('decides nothing while the rail may answer, nor before, nor after', () => {
    ledger.move('asked', { ...out, amount: 1n }, { rail: 'sepa', approvalExpiresAt: NOON });
    for (const outcome of ['completed', 'failed'] as const) {
      expect(code({ type: 'resolve', outcome })).toBe('transfer_not_pending');
      expect(code({ type: 'resolve', outcome }, 'asked')).toBe('transfer_not_pending');
      expect(code({ type: 'resolve', outcome }, 'nothing')).toBe('transfer_not_found');
    }
    names(settled);
    expect(code({ type: 'resolve', outcome: 'failed' })).toBe('transfer_not_pending');
  });

  test('completes what is parked, and the reason is kept', () => {
    names(parked);
    const decision = ledger.carryOut({
      type: 'step',
      id: 't',
      step: { type: 'resolve', outcome: 'completed', reason: 'on the statement' },
    });
    expect(decision.events.at(-1)?.event).toMatchObject({
      type: 'TransferCompleted',
      reason: 'on the statement',
    });
    expect(holdings()).toEqual([3n, 0n]);
  });

  test('gives up what is parked: the money is let go', () => {
    names(parked);
    expect(names({ type: 'resolve', outcome: 'failed' })).toEqual(['FundsReleased', 'TransferFailed']);
    expect(holdings()).toEqual([10n, 0n]);
  });

  test('does not stand in the way of a rail that speaks after all', () => {
    names(parked);
    expect(names({ type: 'park', reason: 'and again' })).toEqual([]);
    expect(names(settled)).toEqual(COMPLETED);
    expect(code({ type: 'resolve', outcome: 'failed' })).toBe('transfer_not_pending');
  });
});
