/** Rows that change: of transfers that wait, of what is reversed, and of holds. */
import { describe, expect, it } from 'vitest';
import { apply } from '../../../cli/verify/apply.ts';
import { createTestLog, type TestLog } from '../../support/events/events.ts';
import { AT, held, LATER, placed, reversal, step, transaction } from './commands.ts';

/** Two accounts, one of which has 100. The next event is at position 6. */
function someLog(): TestLog {
  const log = createTestLog();
  log.open('alice');
  log.open('bob');
  log.deposit('alice', 100n);
  return log;
}

describe('a transfer that waits', () => {
  it('has a row from its first event on, without a time of completion', () => {
    const log = someLog();
    const asked = log.move(['alice', 'bob'], 30n, { id: 't1', approvalExpiresAt: LATER });
    expect(apply(asked).transfers).toEqual([
      {
        id: 't1',
        kind: 'transfer',
        status: 'awaiting_approval',
        source: 'alice',
        destination: 'bob',
        amount: '30',
        currency: 'EUR',
        reference: null,
        metadata: {},
        approval_expires_at: LATER,
        created_at: '2026-01-01T00:00:03.000Z',
        position: 7,
        first_position: 7,
        workflow_id: 'commands/4',
      },
    ]);
  });

  it('becomes what its last event says, and keeps its first position', () => {
    const log = someLog();
    log.move(['alice', 'bob'], 30n, { id: 't1', approvalExpiresAt: LATER });
    const approved = log.run(step('t1', { type: 'approve', at: AT }));
    const [row] = apply(approved).transfers;
    expect(row).toMatchObject({ status: 'posted', completed_at: '2026-01-01T00:00:04.000Z', position: 12 });
    expect(row).not.toHaveProperty('first_position');
    // Both in one array are the same row.
    const [whole] = apply(log.events.slice(5)).transfers;
    expect(whole).toEqual({ ...row, first_position: 7 });
  });

  it.each([
    [{ type: 'reject', reason: 'too much' } as const, { status: 'rejected', reason: 'too much' }],
    [{ type: 'cancel' } as const, { status: 'cancelled' }],
    [{ type: 'expire' } as const, { status: 'expired' }],
  ])('ends without having moved anything: %o', (what, outcome) => {
    const log = someLog();
    log.move(['alice', 'bob'], 30n, { id: 't1', approvalExpiresAt: LATER });
    const rows = apply(log.run(step('t1', what)));
    expect(rows.transfers).toMatchObject([
      { id: 't1', ...outcome, completed_at: '2026-01-01T00:00:04.000Z' },
    ]);
    expect([rows.entries, rows.accounts]).toMatchObject([[], [{ id: 'alice', held: '0' }]]);
  });
});

describe('a transfer with entries', () => {
  it('names them, and each account once', () => {
    const log = someLog();
    log.open('fees');
    const rows = apply(log.run(transaction('x1', 'bob 5, alice -9, bob 3, fees 1')));
    expect(rows.transfers).toMatchObject([
      { kind: 'transaction', source: null, destination: null, amount: null, currency: null },
    ]);
    expect(rows.transfers[0]?.entries).toContainEqual({
      account: 'alice',
      direction: 'debit',
      amount: '9',
      currency: 'EUR',
    });
    expect(rows.transactionAccounts).toEqual(
      ['alice', 'bob', 'fees'].map((account) => ({ account, first_position: 11 })),
    );
    expect(rows.entries.map(({ counterparty }) => counterparty)).toEqual([null, null, null, null]);
  });

  it('between two accounts tells each of the other', () => {
    const log = someLog();
    const { entries } = apply(log.run(transaction('x1', 'alice -9, bob 9')));
    expect(entries.map(({ account, counterparty }) => [account, counterparty])).toEqual([
      ['bob', 'alice'],
      ['alice', 'bob'],
    ]);
  });

  it('that is refused names its accounts, too', () => {
    const log = someLog();
    const { transfers, transactionAccounts } = apply(log.run(transaction('x1', 'alice -900, bob 900')));
    expect(transfers).toMatchObject([{ status: 'rejected', reason: 'insufficient_funds' }]);
    expect(transactionAccounts.map(({ account }) => account)).toEqual(['alice', 'bob']);
  });

  it('names its accounts only once, when it is made and not when it is reversed', () => {
    const log = someLog();
    log.run(transaction('x1', 'alice -9, bob 9'));
    const { transactionAccounts } = apply(log.run(reversal('r1', 'x1')));
    expect(transactionAccounts).toEqual(['alice', 'bob'].map((account) => ({ account, first_position: 11 })));
  });
});

describe('a reversal', () => {
  it('is a transfer of its own, and changes what it undoes', () => {
    const log = someLog();
    log.move(['alice', 'bob'], 30n, { id: 't1' });
    const { transfers } = apply(log.run(reversal('r1', 't1', 10n)));
    expect(transfers).toMatchObject([
      { id: 'r1', kind: 'reversal', status: 'posted', source: 'bob', amount: '10', reverses: 't1' },
      {
        id: 't1',
        status: 'posted',
        amount: '30',
        reversed: '10',
        completed_at: '2026-01-01T00:00:03.000Z',
        position: 12,
        workflow_id: 'commands/4',
      },
    ]);
  });
});

describe('a hold', () => {
  it('has a row from its first event on', () => {
    const log = someLog();
    const more = { destination: 'bob', reference: 'room 7', metadata: { nights: '2' }, expiresAt: LATER };
    expect(apply(log.run(placed('h1', ['alice', 30n], more))).holds).toEqual([
      {
        id: 'h1',
        account: 'alice',
        amount: '30',
        captured: '0',
        currency: 'EUR',
        status: 'active',
        destination: 'bob',
        reference: 'room 7',
        metadata: { nights: '2' },
        expires_at: LATER,
        created_at: AT,
        position: 7,
        first_position: 7,
        workflow_id: 'commands/4',
      },
    ]);
  });

  it('that is captured says how much and by which transfer, which moves the money', () => {
    const log = someLog();
    log.run(placed('h1', ['alice', 30n]));
    const rows = apply(log.run(held('h1', { type: 'capture', transfer: 'c1', amount: 20n })));
    expect(rows.holds).toMatchObject([{ status: 'captured', captured: '20', transfer: 'c1', position: 12 }]);
    expect(rows.holds[0]).not.toHaveProperty('first_position');
    expect(rows.transfers).toMatchObject([{ id: 'c1', kind: 'capture', amount: '20', hold: 'h1' }]);
    expect(rows.entries).toMatchObject([
      { account: 'alice', kind: 'capture', counterparty: 'world_EUR' },
      { account: 'world_EUR', counterparty: 'alice' },
    ]);
    expect(rows.accounts).toMatchObject([{ id: 'alice', posted: '80', held: '0' }, { id: 'world_EUR' }]);
  });

  it.each([
    [{ type: 'void', reason: 'checked out' } as const, { status: 'voided', reason: 'checked out' }],
    [{ type: 'extend', expiresAt: LATER } as const, { status: 'active', expires_at: LATER }],
    [{ type: 'expire', expiresAt: AT } as const, { status: 'expired', expires_at: AT }],
  ])('becomes what its last event says: %o', (what, outcome) => {
    const log = someLog();
    log.run(placed('h1', ['alice', 30n], { expiresAt: AT }));
    expect(apply(log.run(held('h1', what))).holds).toMatchObject([{ id: 'h1', captured: '0', ...outcome }]);
  });
});

describe('money that is held', () => {
  it('changes what is held of the account, and makes no entry', () => {
    const log = someLog();
    const rows = apply(log.run(placed('h1', ['alice', 30n])));
    expect(rows.accounts).toMatchObject([{ id: 'alice', posted: '100', held: '30', version: 3 }]);
    expect(rows.entries).toEqual([]);
    expect(apply(log.run(held('h1', { type: 'void' }))).accounts).toMatchObject([{ held: '0', version: 4 }]);
  });

  it('makes no difference to an overdraft limit, which may be changed meanwhile', () => {
    const log = someLog();
    log.run(placed('h1', ['alice', 30n]));
    const raised = log.run({ type: 'account', id: 'alice', command: { type: 'update', overdraftLimit: 7n } });
    expect(apply(raised).accounts).toMatchObject([{ held: '30', overdraft_limit: '7', version: 4 }]);
  });
});
