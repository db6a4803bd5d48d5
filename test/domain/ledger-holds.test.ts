import { describe, expect, test } from 'vitest';
import { ledgerWith, MemoryLedger, namesOf, NIGHT, NOON } from './memory-ledger.ts';

const fromAlice = (amount: bigint) => ({ source: 'alice', destination: 'bob', amount });

function holding(): MemoryLedger {
  const ledger = ledgerWith({ alice: 10n, bob: 0n });
  ledger.place('h', { account: 'alice', amount: 7n });
  return ledger;
}

describe('a hold', () => {
  test('sets money aside', () => {
    const ledger = ledgerWith({ alice: 10n });
    const decision = ledger.place('h', { account: 'alice', amount: 7n });
    expect(namesOf(decision)).toEqual(['alice FundsHeld', 'h HoldPlaced']);
    expect(ledger.balances('alice')).toEqual({ posted: 10n, held: 7n });
  });

  test.each([
    { what: 'more than there is', of: { account: 'alice', amount: 11n }, code: 'insufficient_funds' },
    { what: 'a frozen account', of: { account: 'ice', amount: 1n }, code: 'account_frozen' },
    { what: 'a closed account', of: { account: 'shut', amount: 1n }, code: 'account_closed' },
    { what: 'no account', of: { account: 'ghost', amount: 1n }, code: 'account_not_found' },
    {
      what: 'another currency',
      of: { account: 'alice', amount: 1n, currency: 'USD' },
      code: 'currency_mismatch',
    },
    {
      what: 'the account itself',
      of: { account: 'alice', amount: 1n, destination: 'alice' },
      code: 'same_account',
    },
    {
      what: 'a destination that is closed',
      of: { account: 'alice', amount: 1n, destination: 'shut' },
      code: 'account_closed',
    },
    {
      what: 'a destination that does not exist',
      of: { account: 'alice', amount: 1n, destination: 'ghost' },
      code: 'account_not_found',
    },
  ])('is not placed on $what', ({ of, code }) => {
    const ledger = ledgerWith({ alice: 10n, ice: 10n, shut: 0n });
    ledger.change('ice', 'freeze');
    ledger.change('shut', 'close');
    expect(ledger.place('h', of, of)).toMatchObject({ events: [], rejection: { code } });
  });

  test('is captured: its money is let go and moved, by a transfer that names it', () => {
    const ledger = holding();
    const decision = ledger.onHold('h', { type: 'capture', transfer: 't', destination: 'bob' });
    expect(namesOf(decision)).toEqual([
      'alice FundsReleased',
      'alice MoneyWithdrawn',
      'bob MoneyDeposited',
      't TransferCompleted',
      'h HoldCaptured',
    ]);
    expect(ledger.balances('alice')).toEqual({ posted: 3n, held: 0n });
    expect(ledger.transfer('t')).toMatchObject({ terms: { kind: 'capture', hold: 'h', amount: 7n } });
  });

  test('is captured in part: the rest is let go', () => {
    const ledger = holding();
    ledger.onHold('h', { type: 'capture', transfer: 't', amount: 2n, destination: 'bob' });
    expect(ledger.balances('alice')).toEqual({ posted: 8n, held: 0n });
    expect(ledger.balances('bob').posted).toBe(2n);
  });

  test.each([
    { hold: 'bob', capture: undefined, to: 'bob' },
    { hold: 'bob', capture: 'carol', to: 'carol' },
    { hold: undefined, capture: undefined, to: 'world_EUR' },
  ])("goes to the capture's destination, else the hold's, else out: $to", ({ hold, capture, to }) => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n, carol: 0n });
    ledger.place('h', { account: 'alice', amount: 7n }, hold === undefined ? {} : { destination: hold });
    const destination = capture === undefined ? {} : { destination: capture };
    ledger.onHold('h', { type: 'capture', transfer: 't', ...destination });
    expect(ledger.transfer('t')).toMatchObject({ status: 'posted', terms: { destination: to } });
  });

  test('covers its capture though nothing else is available', () => {
    const ledger = holding();
    ledger.move('t1', fromAlice(3n));
    expect(ledger.onHold('h', { type: 'capture', transfer: 't' }).rejection).toBeUndefined();
    expect(ledger.balances('alice')).toEqual({ posted: 0n, held: 0n });
  });

  test.each([
    { what: 'its account is frozen', freeze: 'alice', destination: 'bob', code: 'account_frozen' },
    { what: 'the destination is closed', freeze: 'bob', destination: 'shut', code: 'account_closed' },
    { what: 'the destination is its account', freeze: 'bob', destination: 'alice', code: 'same_account' },
    { what: 'there is no destination', freeze: 'bob', destination: 'ghost', code: 'account_not_found' },
  ])('is not captured while $what, and stays as it is', ({ freeze, destination, code }) => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n, shut: 0n });
    ledger.place('h', { account: 'alice', amount: 7n });
    ledger.change(freeze, 'freeze');
    ledger.change('shut', 'close');
    const decision = ledger.onHold('h', { type: 'capture', transfer: 't', destination });
    expect(decision).toMatchObject({ events: [], rejection: { code } });
    expect(ledger.hold('h').status).toBe('active');
    expect(ledger.balances('alice').held).toBe(7n);
  });

  test.each([
    { step: { type: 'void' }, event: 'HoldVoided' },
    { step: { type: 'expire', expiresAt: NOON }, event: 'HoldExpired' },
  ] as const)('$step.type lets its money go, though its account is frozen', ({ step, event }) => {
    const ledger = holding();
    ledger.change('alice', 'freeze');
    expect(namesOf(ledger.onHold('h', step))).toEqual(['alice FundsReleased', `h ${event}`]);
    expect(ledger.balances('alice')).toEqual({ posted: 10n, held: 0n });
    expect(ledger.onHold('h', { type: 'void' }).rejection?.code).toBe('hold_not_active');
  });

  test('that is extended holds on, and no money moves', () => {
    const ledger = holding();
    expect(namesOf(ledger.onHold('h', { type: 'extend', expiresAt: NIGHT }))).toEqual(['h HoldExtended']);
    expect(namesOf(ledger.onHold('h', { type: 'expire', expiresAt: NOON }))).toEqual([]);
    expect(ledger.balances('alice').held).toBe(7n);
  });

  test('keeps its account from being closed', () => {
    const ledger = new MemoryLedger();
    ledger.create('alice', 'EUR', 10n);
    ledger.place('h', { account: 'alice', amount: 7n });
    expect(ledger.change('alice', 'close').rejection?.code).toBe('account_not_empty');
    ledger.onHold('h', { type: 'void' });
    expect(ledger.change('alice', 'close').rejection).toBeUndefined();
  });
});
