import { describe, expect, test } from 'vitest';
import { accountsOf, beginningOf, subjectOf } from '../../domain/ledger.ts';
import { ledgerWith, MemoryLedger, namesOf, NOW } from './memory-ledger.ts';

const fromAlice = (amount: bigint) => ({ source: 'alice', destination: 'bob', amount });

const update = (ledger: MemoryLedger, id: string, ifVersion: number) =>
  ledger.carryOut({ type: 'account', id, command: { type: 'update', overdraftLimit: 5n }, ifVersion });

describe('an account command', () => {
  test('may name the version that it was asked for on: another one is refused without a trace', () => {
    const ledger = ledgerWith({ alice: 10n });
    expect(update(ledger, 'alice', 1)).toMatchObject({ events: [], rejection: { code: 'version_mismatch' } });
    expect(namesOf(update(ledger, 'alice', 2))).toEqual(['alice AccountUpdated']);
    expect(update(ledger, 'alice', 2).rejection?.code).toBe('version_mismatch');
  });

  test('on the right version that changes nothing is no event, and the version goes before other refusals', () => {
    const ledger = ledgerWith({ alice: 0n });
    expect(namesOf(update(ledger, 'alice', 1))).toEqual(['alice AccountUpdated']);
    expect(update(ledger, 'alice', 2)).toEqual({ events: [] });
    ledger.change('alice', 'close');
    expect(update(ledger, 'alice', 2).rejection?.code).toBe('version_mismatch');
    expect(update(ledger, 'alice', 3).rejection?.code).toBe('account_closed');
    expect(update(ledger, 'ghost', 3).rejection?.code).toBe('account_not_found');
  });
});

describe('what a command needs to see', () => {
  const nothing = new MemoryLedger();
  test('is its subject, and then the accounts that this one touches', () => {
    const ledger = ledgerWith({ alice: 10n, bob: 0n });
    ledger.move('t', fromAlice(7n));
    const reversal = {
      type: 'reversal',
      id: 'r',
      reverses: 't',
      terms: { metadata: {}, requestedAt: NOW },
    } as const;
    expect(subjectOf(reversal)).toEqual({ aggregate: 'transfer', id: 't' });
    expect(accountsOf(reversal, ledger)).toEqual(['alice', 'bob']);
    expect(accountsOf(reversal, nothing)).toEqual([]);
    expect(beginningOf(reversal)).toEqual({ aggregate: 'transfer', id: 'r' });
  });

  test('of a hold and a capture that are asked for together is known before the hold is there', () => {
    const terms = { account: 'alice', amount: 5n, currency: 'EUR', metadata: {}, requestedAt: NOW };
    const place = { type: 'hold', id: 'h', step: { type: 'place', terms }, at: NOW } as const;
    const step = { type: 'capture', transfer: 't', destination: 'bob' } as const;
    const seen = [place, { type: 'hold', id: 'h', step, at: NOW } as const].flatMap((command) =>
      accountsOf(command, nothing),
    );
    expect(new Set(seen)).toEqual(new Set(['alice', 'world_EUR', 'bob']));
  });

  test('is nothing of what the command itself makes', () => {
    const terms = { account: 'alice', amount: 5n, currency: 'EUR', metadata: {}, requestedAt: NOW };
    const place = { type: 'hold', id: 'h', step: { type: 'place', terms }, at: NOW } as const;
    expect(subjectOf(place)).toBeUndefined();
    expect(beginningOf(place)).toEqual({ aggregate: 'hold', id: 'h' });
    const capture = { type: 'hold', id: 'h', step: { type: 'capture', transfer: 't' }, at: NOW } as const;
    expect(subjectOf(capture)).toEqual({ aggregate: 'hold', id: 'h' });
    expect(beginningOf(capture)).toEqual({ aggregate: 'transfer', id: 't' });
  });
});
