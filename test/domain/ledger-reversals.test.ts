import { describe, expect, test } from 'vitest';
import { ledgerWith, line, type MemoryLedger, namesOf, NOON } from './memory-ledger.ts';

const fromAlice = (amount: bigint) => ({ source: 'alice', destination: 'bob', amount });

describe('a transaction', () => {
  test('moves all of its entries, in several currencies, or none', () => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n });
    ledger.create('dollars', 'USD');
    const decision = ledger.transact('t', [
      line('alice', -7n),
      line('bob', 4n),
      line('world_EUR', 3n),
      line('dollars', 5n, 'USD'),
      line('world_USD', -5n, 'USD'),
    ]);
    expect(namesOf(decision)).toEqual([
      'bob MoneyDeposited',
      'world_EUR MoneyDeposited',
      'dollars MoneyDeposited',
      'alice MoneyWithdrawn',
      'world_USD MoneyWithdrawn',
      't TransferCompleted',
    ]);
    expect(['alice', 'bob', 'dollars'].map((id) => ledger.balances(id).posted)).toEqual([3n, 4n, 5n]);
  });

  test('may pass money through an account that has none of its own', () => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n, carol: 0n });
    const entries = [line('bob', -10n), line('alice', -10n), line('bob', 10n), line('carol', 10n)];
    expect(ledger.transact('t', entries).rejection).toBeUndefined();
    expect(ledger.balances('carol').posted).toBe(10n);
  });

  test.each([
    {
      what: 'an account does not exist',
      entries: [line('ghost', -5n), line('bob', 4n)],
      code: 'account_not_found',
    },
    {
      what: 'debits and credits differ',
      entries: [line('shut', -5n), line('bob', 4n)],
      code: 'entries_unbalanced',
    },
    {
      what: 'they balance only over all currencies',
      entries: [line('alice', -5n), line('dollars', 5n, 'USD')],
      code: 'entries_unbalanced',
    },
    {
      what: 'a currency is not that of its account',
      entries: [line('alice', -5n, 'USD'), line('shut', 5n, 'USD')],
      code: 'currency_mismatch',
    },
    { what: 'an account is closed', entries: [line('ice', -5n), line('shut', 5n)], code: 'account_closed' },
    { what: 'an account is frozen', entries: [line('ice', -5n), line('bob', 5n)], code: 'account_frozen' },
    {
      what: 'an account has too little',
      entries: [line('alice', -11n), line('bob', 11n)],
      code: 'insufficient_funds',
    },
  ])('is refused if $what', ({ entries, code }) => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n, ice: 9n, shut: 0n });
    ledger.create('dollars', 'USD');
    ledger.change('shut', 'close');
    ledger.change('ice', 'freeze');
    const decision = ledger.transact('t', entries);
    expect(decision.rejection?.code).toBe(code);
    expect(namesOf(decision)).toEqual(code === 'account_not_found' ? [] : ['t TransferRejected']);
    expect(ledger.balances('bob').posted).toBe(0n);
  });
});

function moved(): MemoryLedger {
  const ledger = ledgerWith({ alice: 10n, bob: 0n });
  ledger.move('t', fromAlice(7n));
  return ledger;
}

describe('a reversal', () => {
  test('is a transfer the other way, and the original remembers it', () => {
    const ledger = moved();
    expect(namesOf(ledger.reverse('r', 't'))).toEqual([
      'bob MoneyWithdrawn',
      'alice MoneyDeposited',
      'r TransferCompleted',
      't TransferReversed',
    ]);
    expect(ledger.balances('alice').posted).toBe(10n);
    expect(ledger.transfer('r')).toMatchObject({ terms: { kind: 'reversal', reverses: 't', amount: 7n } });
    expect(ledger.transfer('t')).toMatchObject({ status: 'posted', reversed: 7n });
  });

  test('undoes a part, and later ones the rest; without an amount all that is left', () => {
    const ledger = moved();
    ledger.reverse('r1', 't', 2n);
    ledger.reverse('r2', 't', 1n);
    expect(ledger.transfer('t')).toMatchObject({ reversed: 3n });
    ledger.reverse('r3', 't');
    expect(ledger.transfer('r3')).toMatchObject({ terms: { amount: 4n } });
    expect(ledger.reverse('r4', 't')).toMatchObject({ events: [], rejection: { code: 'already_reversed' } });
    expect(ledger.balances('alice').posted).toBe(10n);
  });

  test('of more than is left is recorded as rejected', () => {
    const ledger = moved();
    ledger.reverse('r1', 't', 2n);
    const decision = ledger.reverse('r2', 't', 6n);
    expect(namesOf(decision)).toEqual(['r2 TransferRejected']);
    expect(decision.rejection?.code).toBe('amount_exceeds_transfer');
    expect(ledger.transfer('t')).toMatchObject({ reversed: 2n });
  });

  test('whose money is spent, or whose accounts are closed, is recorded as rejected; the original stays as it is', () => {
    const ledger = moved();
    ledger.move('spent', { source: 'bob', destination: 'world_EUR', amount: 1n });
    expect(ledger.reverse('r1', 't').rejection?.code).toBe('insufficient_funds');
    expect(ledger.transfer('r1')).toMatchObject({ status: 'rejected', terms: { reverses: 't' } });
    ledger.move('out', { source: 'alice', destination: 'world_EUR', amount: 3n });
    ledger.change('alice', 'close');
    expect(ledger.reverse('r2', 't', 1n).rejection?.code).toBe('account_closed');
    expect(ledger.transfer('t')).toMatchObject({ reversed: 0n });
    expect(ledger.reverse('r3', 't', 8n).rejection?.code).toBe('amount_exceeds_transfer');
  });

  test('of what has moved nothing leaves no trace', () => {
    const ledger = moved();
    ledger.move('waits', fromAlice(1n), { approvalExpiresAt: NOON });
    ledger.move('refused', fromAlice(99n));
    const code = (reverses: string) => ledger.reverse('r', reverses);
    expect(code('ghost')).toMatchObject({ events: [], rejection: { code: 'transfer_not_found' } });
    expect(code('waits')).toMatchObject({ events: [], rejection: { code: 'transfer_not_posted' } });
    expect(code('refused')).toMatchObject({ events: [], rejection: { code: 'transfer_not_posted' } });
  });

  test('may itself be undone', () => {
    const ledger = moved();
    ledger.reverse('r', 't');
    ledger.reverse('again', 'r');
    expect(ledger.balances('bob').posted).toBe(7n);
    expect(ledger.reverse('r2', 't').rejection?.code).toBe('already_reversed');
  });

  test('of a transaction turns every entry round, and undoes it as a whole', () => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n, carol: 0n });
    ledger.transact('t', [line('alice', -7n), line('bob', 4n), line('carol', 3n)]);
    expect(ledger.reverse('part', 't', 3n).rejection?.code).toBe('amount_exceeds_transfer');
    expect(ledger.reverse('r', 't', 7n).rejection).toBeUndefined();
    expect(['alice', 'bob', 'carol'].map((id) => ledger.balances(id).posted)).toEqual([10n, 0n, 0n]);
    expect(ledger.reverse('r2', 't').rejection?.code).toBe('already_reversed');
  });

  test('of a capture brings the money back, and the hold has still ended', () => {
    const ledger = ledgerWith({ alice: 10n });
    ledger.place('h', { account: 'alice', amount: 7n });
    ledger.onHold('h', { type: 'capture', transfer: 't', amount: 5n });
    ledger.reverse('r', 't');
    expect(ledger.balances('alice')).toEqual({ posted: 10n, held: 0n });
    expect(ledger.hold('h').status).toBe('captured');
  });
});
