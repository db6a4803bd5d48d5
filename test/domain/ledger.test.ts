import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { account, available, isWorldAccount, worldAccount, type AccountState } from '../../domain/account.ts';
import { decide, type Command, type LedgerDecision } from '../../domain/ledger.ts';
import { transfer, type TransferState, type TransferTerms } from '../../domain/transfer.ts';

/** A ledger in memory: the fold of its events, nothing more. */
class MemoryLedger {
  readonly accounts = new Map<string, AccountState>();
  readonly transfers = new Map<string, TransferState>();

  account = (id: string) => this.accounts.get(id) ?? account.initialState(id);
  transfer = (id: string) => this.transfers.get(id) ?? transfer.initialState(id);

  carryOut(command: Command): LedgerDecision {
    const decision = decide(command, this);
    for (const { aggregate, id, event } of decision.events) {
      if (aggregate === 'account') this.accounts.set(id, account.evolve(this.account(id), event));
      else this.transfers.set(id, transfer.evolve(this.transfer(id), event));
    }
    return decision;
  }

  create(id: string, currency = 'EUR', overdraftLimit = 0n): LedgerDecision {
    const command = { type: 'create', owner: id, currency, overdraftLimit, metadata: {} } as const;
    return this.carryOut({ type: 'account', id, command });
  }

  move(id: string, terms: Pick<TransferTerms, 'source' | 'destination' | 'amount'>, currency = 'EUR') {
    const rest = { kind: 'transfer', currency, metadata: {}, requestedAt: '2026-01-01T00:00:00Z' } as const;
    return this.carryOut({ type: 'transfer', id, terms: { ...rest, ...terms } });
  }
}

const names = (decision: LedgerDecision) => decision.events.map(({ id, event }) => `${id} ${event.type}`);

describe('a transfer', () => {
  test('takes from the source, gives to the destination, and is completed, in this order', () => {
    const ledger = new MemoryLedger();
    ledger.create('alice');
    const decision = ledger.move('t1', { source: 'world_EUR', destination: 'alice', amount: 5n });
    expect(names(decision)).toEqual([
      'world_EUR MoneyWithdrawn',
      'alice MoneyDeposited',
      't1 TransferCompleted',
    ]);
    expect(ledger.account('alice')).toMatchObject({ posted: 5n });
    expect(ledger.account('world_EUR')).toMatchObject({ posted: -5n });
  });

  test('that is refused is recorded as rejected and moves nothing', () => {
    const ledger = new MemoryLedger();
    ledger.create('alice');
    ledger.create('bob');
    const decision = ledger.move('t1', { source: 'alice', destination: 'bob', amount: 5n });
    expect(names(decision)).toEqual(['t1 TransferRejected']);
    expect(decision.rejection?.code).toBe('insufficient_funds');
    expect(ledger.account('bob')).toMatchObject({ posted: 0n });
  });

  test('that names an account which does not exist leaves no trace', () => {
    const ledger = new MemoryLedger();
    ledger.create('alice');
    for (const [source, destination] of [
      ['ghost', 'alice'],
      ['alice', 'ghost'],
      ['ghost', 'ghost'],
    ] as const) {
      const decision = ledger.move('t1', { source, destination, amount: 5n });
      expect(decision).toMatchObject({ events: [], rejection: { code: 'account_not_found' } });
    }
  });

  test('to the account that it comes from is refused, before anything about money', () => {
    const ledger = new MemoryLedger();
    ledger.create('alice');
    const decision = ledger.move('t1', { source: 'alice', destination: 'alice', amount: 5n }, 'USD');
    expect(decision.rejection?.code).toBe('same_account');
  });

  test('gives the first rejection by precedence when several apply', () => {
    const ledger = new MemoryLedger();
    ledger.create('alice');
    ledger.create('dollars', 'USD');
    const decision = ledger.move('t1', { source: 'alice', destination: 'dollars', amount: 5n });
    expect(decision.rejection?.code).toBe('currency_mismatch');
  });
});

const ids = ['alice', 'bob', 'carol', 'dave', worldAccount('EUR'), worldAccount('USD')] as const;
const anyId = fc.constantFrom(...ids);
const customer = fc.constantFrom('alice', 'bob', 'carol', 'dave');
const currency = fc.constantFrom('EUR', 'EUR', 'EUR', 'USD');
const anyAmount = fc.oneof(fc.bigInt(1n, 200n), fc.bigInt(1n, 10n ** 19n - 1n));

type Step = (ledger: MemoryLedger, index: number) => LedgerDecision;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.tuple(customer, currency, fc.bigInt(0n, 100n)).map(
      ([id, code, limit]): Step =>
        (ledger) =>
          ledger.create(id, code, limit),
    ),
  },
  {
    weight: 10,
    arbitrary: fc.tuple(anyId, anyId, anyAmount, currency).map(
      ([source, destination, amount, code]): Step =>
        (ledger, index) =>
          ledger.move(`t${index}`, { source, destination, amount }, code),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(customer, fc.constantFrom('freeze', 'unfreeze', 'close')).map(
      ([id, type]): Step =>
        (ledger) =>
          ledger.carryOut({ type: 'account', id, command: { type } }),
    ),
  },
);

describe('whatever is asked of a ledger, in whatever order', () => {
  const anyHistory = fc.array(step, { minLength: 1, maxLength: 60 });

  test('the posted balances of each currency sum to zero after every command', () => {
    fc.assert(
      fc.property(anyHistory, (steps) => {
        const ledger = new MemoryLedger();
        steps.forEach((take, index) => {
          take(ledger, index);
          const sums: Record<string, bigint> = {};
          for (const state of ledger.accounts.values()) {
            if (state.status !== 'none') sums[state.currency] = (sums[state.currency] ?? 0n) + state.posted;
          }
          for (const sum of Object.values(sums)) expect(sum).toBe(0n);
        });
      }),
    );
  });

  test('no account but a world account has less than zero available', () => {
    fc.assert(
      fc.property(anyHistory, (steps) => {
        const ledger = new MemoryLedger();
        steps.forEach((take, index) => {
          take(ledger, index);
          for (const state of ledger.accounts.values()) {
            if (state.status === 'none' || isWorldAccount(state.id)) continue;
            expect(available(state)).toBeGreaterThanOrEqual(0n);
          }
        });
      }),
    );
  });

  test('a refused command changes no balance, and a posted one moves its amount from one to the other', () => {
    fc.assert(
      fc.property(anyHistory, (steps) => {
        const ledger = new MemoryLedger();
        const posted = (id: string) => {
          const state = ledger.account(id);
          return state.status === 'none' ? 0n : state.posted;
        };
        steps.forEach((take, index) => {
          const before = new Map(ids.map((id) => [id, posted(id)]));
          const decision = take(ledger, index);
          const made = ledger.transfer(`t${index}`);
          const moved = made.status === 'posted' ? made : undefined;
          if (decision.rejection) expect(moved).toBeUndefined();
          for (const id of ids) {
            let expected = before.get(id) ?? 0n;
            if (moved?.source === id) expected -= moved.amount;
            if (moved?.destination === id) expected += moved.amount;
            expect(posted(id)).toBe(expected);
          }
        });
      }),
    );
  });

  test('the same command over the same ledger is decided the same', () => {
    fc.assert(
      fc.property(anyHistory, (steps) => {
        const [one, two] = [new MemoryLedger(), new MemoryLedger()];
        steps.forEach((take, index) => expect(take(one, index)).toEqual(take(two, index)));
      }),
    );
  });
});
