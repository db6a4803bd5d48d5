import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { available, isWorldAccount, worldAccount } from '../../domain/account.ts';
import type { LedgerDecision } from '../../domain/ledger.ts';
import { heldWhileWaiting, isWaiting, totalOf } from '../../domain/transfer.ts';
import { line, MemoryLedger, NIGHT, NOON, NOW } from './memory-ledger.ts';

const CUSTOMERS = ['alice', 'bob', 'carol', 'dave'];
const ids = [...CUSTOMERS, worldAccount('EUR'), worldAccount('USD')] as const;
const anyId = fc.constantFrom(...ids);
const customer = fc.constantFrom(...CUSTOMERS);
const currency = fc.constantFrom('EUR', 'EUR', 'EUR', 'EUR', 'EUR', 'USD');
const small = fc.bigInt(1n, 60n);
const anyAmount = fc.oneof({ weight: 9, arbitrary: small }, fc.bigInt(1n, 10n ** 19n - 1n));
const part = fc.option(fc.bigInt(1n, 99n), { nil: undefined });
const time = fc.constantFrom(NOON, NIGHT);
/** One of the transfers or holds that are there already. */
const earlier = fc.nat(1_000);

type Step = (ledger: MemoryLedger, index: number) => LedgerDecision;
/** Mostly one that goes on; `none` where there is nothing yet. */
function pick(from: ReadonlyMap<string, { status: string }>, number: number): string {
  const all = [...from].map(([id, { status }]) => ({ id, goesOn: GOES_ON.has(status) }));
  const some = number % 4 === 0 ? all : all.filter(({ goesOn }) => goesOn);
  return (some[number % some.length] ?? all[0])?.id ?? 'none';
}

const GOES_ON = new Set(['active', 'awaiting_approval', 'scheduled', 'pending']);

const waits = fc.constantFrom(
  {},
  {},
  { approvalExpiresAt: NOON },
  { scheduledFor: NOON },
  { approvalExpiresAt: NOON, scheduledFor: NIGHT },
  { rail: 'sepa' },
);
const transfer = fc.tuple(fc.tuple(anyId, anyId), anyAmount, currency, waits).map(
  ([[source, destination], amount, code, wait]): Step =>
    (ledger, index) =>
      ledger.move(`${index}`, { source, destination, amount }, { currency: code, ...wait }),
);
/** Balanced in each currency, if the accounts' shares happen to be worth something. */
const transaction = fc
  .array(fc.tuple(anyId, anyId, small, currency), { minLength: 1, maxLength: 3 })
  .map((pairs): Step => (ledger, index) => {
    const entries = pairs.flatMap(([from, to, amount, code]) => [
      line(from, -amount, code),
      line(to, amount, code),
    ]);
    return ledger.transact(`${index}`, entries);
  });
const unbalanced = fc.tuple(customer, customer, small, small).map(
  ([from, to, debit, credit]): Step =>
    (ledger, index) =>
      ledger.transact(`${index}`, [line(from, -debit), line(to, credit)]),
);
const reversal = fc.tuple(earlier, part).map(
  ([which, amount]): Step =>
    (ledger, index) =>
      ledger.reverse(`${index}`, pick(ledger.transfers, which * 4), amount),
);
const transferStep = fc
  .tuple(
    earlier,
    fc.constantFrom(
      { type: 'approve', at: NOW } as const,
      { type: 'approve', at: NIGHT } as const,
      { type: 'reject' } as const,
      { type: 'cancel' } as const,
      { type: 'complete' } as const,
      { type: 'complete' } as const,
      { type: 'expire' } as const,
      { type: 'park', reason: 'no answer' } as const,
      { type: 'complete', rail: 'sepa' } as const,
      { type: 'resolve', outcome: 'completed' } as const,
      { type: 'resolve', outcome: 'failed', reason: 'it came back' } as const,
      { type: 'fail', rejection: { code: 'rail_declined', detail: 'No.' } } as const,
    ),
  )
  .map(
    ([which, step]): Step =>
      (ledger) =>
        ledger.step(pick(ledger.transfers, which), step),
  );
const placing = fc.tuple(anyId, anyAmount, currency, fc.option(anyId, { nil: undefined })).map(
  ([account, amount, code, destination]): Step =>
    (ledger, index) =>
      ledger.place(
        `${index}`,
        { account, amount },
        { currency: code, ...(destination === undefined ? {} : { destination }) },
      ),
);
const capture = fc.tuple(earlier, part, fc.option(anyId, { nil: undefined })).map(
  ([which, amount, destination]): Step =>
    (ledger, index) =>
      ledger.onHold(pick(ledger.holds, which), {
        type: 'capture',
        transfer: `${index}`,
        ...(amount === undefined ? {} : { amount }),
        ...(destination === undefined ? {} : { destination }),
      }),
);
const holdStep = fc.tuple(earlier, fc.constantFrom('void', 'extend', 'expire'), time).map(
  ([which, type, expiresAt]): Step =>
    (ledger) =>
      ledger.onHold(pick(ledger.holds, which), type === 'void' ? { type } : { type, expiresAt }),
);
const creation = fc.tuple(customer, currency, fc.bigInt(0n, 100n)).map(
  ([id, code, limit]): Step =>
    (ledger) =>
      ledger.create(id, code, limit),
);
const change = fc.tuple(customer, fc.constantFrom('freeze', 'unfreeze', 'unfreeze', 'close')).map(
  ([id, type]): Step =>
    (ledger) =>
      ledger.change(id, type),
);
const update = fc
  .tuple(customer, fc.bigInt(0n, 200n), fc.option(fc.nat(20), { nil: undefined }))
  .map(([id, overdraftLimit, ifVersion]): Step => (ledger) => {
    const command = { type: 'update', overdraftLimit } as const;
    return ledger.carryOut({
      type: 'account',
      id,
      command,
      ...(ifVersion === undefined ? {} : { ifVersion }),
    });
  });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: creation },
  { weight: 2, arbitrary: change },
  { weight: 2, arbitrary: update },
  { weight: 8, arbitrary: transfer },
  { weight: 3, arbitrary: transaction },
  { weight: 1, arbitrary: unbalanced },
  { weight: 4, arbitrary: reversal },
  { weight: 6, arbitrary: transferStep },
  { weight: 4, arbitrary: placing },
  { weight: 4, arbitrary: capture },
  { weight: 4, arbitrary: holdStep },
);
const anyHistory = fc.array(step, { minLength: 1, maxLength: 80, size: 'max' });

/** Takes the steps on a ledger whose customers have some money, and looks at it after each. */
function always(look: (ledger: MemoryLedger, decision: LedgerDecision, before: MemoryLedger) => void): void {
  fc.assert(
    fc.property(anyHistory, (steps) => {
      const ledger = started();
      steps.forEach((take, index) => {
        const before = copyOf(ledger);
        const decision = take(ledger, index);
        look(ledger, decision, before);
      });
    }),
    { numRuns: 60 },
  );
}

/** Most histories have accounts with money to begin with; `dave` may come later. */
function started(): MemoryLedger {
  const ledger = new MemoryLedger();
  ledger.fund({ alice: 300n, bob: 100n, carol: 0n });
  return ledger;
}

/** States are never changed, so a copy of the maps is one of the ledger. */
function copyOf(ledger: MemoryLedger): MemoryLedger {
  const copy = new MemoryLedger();
  for (const [id, state] of ledger.accounts) copy.accounts.set(id, state);
  for (const [id, state] of ledger.transfers) copy.transfers.set(id, state);
  for (const [id, state] of ledger.holds) copy.holds.set(id, state);
  for (const [id, version] of ledger.versions) copy.versions.set(id, version);
  return copy;
}

describe('whatever is asked of a ledger, in whatever order', () => {
  test('the posted balances of each currency sum to zero after every command', () => {
    always((ledger) => {
      const sums: Record<string, bigint> = {};
      for (const state of ledger.accounts.values()) {
        if (state.status !== 'none') sums[state.currency] = (sums[state.currency] ?? 0n) + state.posted;
      }
      for (const sum of Object.values(sums)) expect(sum).toBe(0n);
    });
  });

  test('no account but a world account has less than zero available', () => {
    always((ledger) => {
      for (const state of ledger.accounts.values()) {
        if (state.status === 'none' || isWorldAccount(state.id)) continue;
        expect(available(state)).toBeGreaterThanOrEqual(0n);
      }
    });
  });

  test('what an account has held is the sum of its active holds and of the transfers that wait', () => {
    always((ledger) => {
      const held = new Map<string, bigint>();
      const add = (id: string, amount: bigint) => held.set(id, (held.get(id) ?? 0n) + amount);
      for (const state of ledger.holds.values()) {
        if (state.status === 'active') add(state.terms.account, state.terms.amount);
      }
      for (const state of ledger.transfers.values()) {
        const entry =
          state.status === 'none' || !isWaiting(state.status) ? undefined : heldWhileWaiting(state.terms);
        if (entry) add(entry.account, entry.amount);
      }
      for (const id of ids) expect(ledger.balances(id).held).toBe(held.get(id) ?? 0n);
    });
  });

  test('a hold ends once, and a transfer too: after that it stays as it is', () => {
    always((ledger, _, before) => {
      for (const [id, was] of before.holds) {
        if (was.status !== 'active') expect(ledger.hold(id)).toBe(was);
      }
      for (const [id, was] of before.transfers) {
        if (was.status === 'none' || isWaiting(was.status)) continue;
        expect(ledger.transfer(id).status).toBe(was.status);
      }
    });
  });

  test('what was asked for never changes', () => {
    always((ledger, _, before) => {
      for (const [id, was] of before.transfers) {
        const now = ledger.transfer(id);
        expect('terms' in now && 'terms' in was && now.terms === was.terms).toBe(true);
      }
      for (const [id, was] of before.holds) {
        const now = ledger.hold(id);
        expect('terms' in now && 'terms' in was && now.terms === was.terms).toBe(true);
      }
    });
  });

  test('no more of a transfer is undone than it moved, and it is the sum of its reversals', () => {
    always((ledger) => {
      const undone = new Map<string, bigint>();
      for (const state of ledger.transfers.values()) {
        if (state.status !== 'posted' || state.terms.reverses === undefined) continue;
        const { reverses } = state.terms;
        undone.set(reverses, (undone.get(reverses) ?? 0n) + totalOf(state.terms));
      }
      for (const state of ledger.transfers.values()) {
        if (state.status === 'none') continue;
        expect(state.reversed).toBe(undone.get(state.id) ?? 0n);
        expect(state.reversed <= totalOf(state.terms)).toBe(true);
      }
    });
  });

  test('a refused command moves nothing, and at most lets go what it held itself', () => {
    always((ledger, { rejection, events }, before) => {
      if (!rejection) return;
      for (const id of ids) {
        expect(ledger.balances(id).posted).toBe(before.balances(id).posted);
        expect(ledger.balances(id).held <= before.balances(id).held).toBe(true);
      }
      const types = events.filter(({ aggregate }) => aggregate === 'account').map(({ event }) => event.type);
      expect(types.filter((type) => type !== 'FundsReleased')).toEqual([]);
    });
  });

  test('the same command over the same ledger is decided the same', () => {
    fc.assert(
      fc.property(anyHistory, (steps) => {
        const [one, two] = [started(), started()];
        steps.forEach((take, index) => expect(take(one, index)).toEqual(take(two, index)));
      }),
    );
  });

  test('what people and timers say to a transfer or a hold twice has one effect', () => {
    const said = fc.oneof(transferStep, holdStep);
    fc.assert(
      fc.property(anyHistory, said, (steps, last) => {
        const ledger = started();
        steps.forEach((take, index) => take(ledger, index));
        last(ledger, steps.length);
        expect(ledger.carryOut(ledger.requests!).events).toEqual([]);
      }),
    );
  });
});
