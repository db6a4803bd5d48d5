import { describe, expect, it } from 'vitest';
import { apply } from '../../../cli/verify/apply.ts';
import { AMOUNT_MAX } from '../../../domain/money.ts';
import { createTestLog } from '../../support/events/events.ts';

describe('an account', () => {
  it('that is created gets a row with what its first event says', () => {
    const log = createTestLog();
    log.open('alice', { owner: 'Alice', overdraftLimit: 500n, metadata: { branch: '7' } });
    expect(apply(log.events).accounts).toEqual([
      {
        id: 'alice',
        currency: 'EUR',
        status: 'open',
        posted: '0',
        held: '0',
        overdraft_limit: '500',
        version: 1,
        opening: {
          owner: 'Alice',
          metadata: { branch: '7' },
          created_at: '2026-01-01T00:00:00.000Z',
          first_position: 1,
        },
      },
    ]);
  });

  it('has one row, with the state after its last event', () => {
    const log = createTestLog();
    log.open('alice');
    log.deposit('alice', 100n);
    log.deposit('alice', 50n);
    log.setStatus('alice', 'freeze');
    const rows = apply(log.events).accounts.filter(({ id }) => id === 'alice');
    const opening = { first_position: 1 };
    expect(rows).toMatchObject([{ status: 'frozen', posted: '150', version: 4, opening }]);
  });

  it('that was there before only changes', () => {
    const log = createTestLog();
    log.open('alice');
    const later = log.deposit('alice', 100n);
    const row = apply(later).accounts.find(({ id }) => id === 'alice');
    expect(row).toMatchObject({ posted: '100', version: 2 });
    expect(row).not.toHaveProperty('opening');
  });

  it('of the world is opened by whatever moves its money, and belongs to the world', () => {
    const log = createTestLog();
    log.open('alice');
    const deposit = log.deposit('alice', 100n);
    const row = apply(deposit).accounts.find(({ id }) => id === 'world_EUR');
    const opening = { owner: 'world', created_at: '1970-01-01T00:00:00.000Z', first_position: 2 };
    expect(row).toMatchObject({ posted: '-100', opening });
  });
});

describe('a movement', () => {
  it('is a debit where money is withdrawn and a credit where it is deposited', () => {
    const log = createTestLog();
    log.open('alice');
    log.open('bob');
    log.deposit('alice', 100n);
    const moved = log.move(['alice', 'bob'], 30n, { id: 't1', reference: 'rent' });
    const common = { transfer: 't1', amount: '30', currency: 'EUR', kind: 'transfer', reference: 'rent' };
    const created_at = '2026-01-01T00:00:03.000Z';
    expect(apply(moved).entries).toEqual([
      {
        ...common,
        position: 6,
        account: 'alice',
        direction: 'debit',
        counterparty: 'bob',
        version: 3,
        balance: '70',
        created_at,
      },
      {
        ...common,
        position: 7,
        account: 'bob',
        direction: 'credit',
        counterparty: 'alice',
        version: 2,
        balance: '30',
        created_at,
      },
    ]);
  });

  it('has no reference when its transfer has none', () => {
    const log = createTestLog();
    log.open('alice');
    const [debit, credit] = apply(log.deposit('alice', 1n)).entries;
    expect([debit?.reference, credit?.reference]).toEqual([null, null]);
  });

  it('keeps every digit of the largest amount', () => {
    const log = createTestLog();
    log.open('alice');
    log.deposit('alice', AMOUNT_MAX);
    const { entries, transfers, accounts } = apply(log.events);
    expect(entries.map(({ balance }) => balance)).toEqual([`${-AMOUNT_MAX}`, `${AMOUNT_MAX}`]);
    expect(transfers).toMatchObject([{ amount: `${AMOUNT_MAX}` }]);
    expect(Object.fromEntries(accounts.map(({ id, posted }) => [id, posted]))).toEqual({
      alice: `${AMOUNT_MAX}`,
      world_EUR: `${-AMOUNT_MAX}`,
    });
  });

  it('cannot be applied without the end of its transfer: half a batch never appears', () => {
    const log = createTestLog();
    log.open('alice');
    const batch = log.deposit('alice', 100n);
    expect(() => apply(batch.slice(0, 2))).toThrow('ends in the batch');
  });
});

describe('a transfer', () => {
  it('that is completed is posted', () => {
    const log = createTestLog();
    log.open('alice');
    const batch = log.deposit('alice', 100n, { id: 'd1', metadata: { order: '42' } });
    expect(apply(batch).transfers).toEqual([
      {
        id: 'd1',
        kind: 'deposit',
        status: 'posted',
        source: 'world_EUR',
        destination: 'alice',
        amount: '100',
        currency: 'EUR',
        reference: null,
        metadata: { order: '42' },
        created_at: '2026-01-01T00:00:01.000Z',
        completed_at: '2026-01-01T00:00:01.000Z',
        position: 4,
        first_position: 4,
        workflow_id: 'commands/2',
      },
    ]);
  });

  it('that is rejected says why, and moves nothing', () => {
    const log = createTestLog();
    log.open('alice');
    log.open('bob');
    const rows = apply(log.move(['alice', 'bob'], 30n));
    expect(rows.transfers).toMatchObject([{ status: 'rejected', reason: 'insufficient_funds' }]);
    expect([rows.entries, rows.accounts]).toEqual([[], []]);
  });
});
