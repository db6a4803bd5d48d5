/** A ledger in memory: the fold of its events, nothing more. */
import { account, type AccountState } from '../../domain/account.ts';
import { hold, type HoldCommand, type HoldState } from '../../domain/hold.ts';
import { decide, type Command, type LedgerDecision, type LedgerView } from '../../domain/ledger.ts';
import type { TransferStep } from '../../domain/ledger-transfers.ts';
import { transfer, type Entry, type MovementTerms, type TransferState } from '../../domain/transfer.ts';

export const NOW = '2026-01-01T00:00:00.000Z';
/** After NOON comes NIGHT. */
export const NOON = '2026-01-02T12:00:00.000Z';
export const NIGHT = '2026-01-02T20:00:00.000Z';

type Between = Pick<MovementTerms, 'source' | 'destination' | 'amount'>;
type Place = Extract<HoldCommand, { type: 'place' }>;

export class MemoryLedger implements LedgerView {
  readonly accounts = new Map<string, AccountState>();
  readonly transfers = new Map<string, TransferState>();
  readonly holds = new Map<string, HoldState>();
  readonly versions = new Map<string, number>();

  account = (id: string) => this.accounts.get(id) ?? account.initialState(id);
  transfer = (id: string) => this.transfers.get(id) ?? transfer.initialState(id);
  hold = (id: string) => this.holds.get(id) ?? hold.initialState(id);
  version = (id: string) => this.versions.get(id) ?? 0;

  /** What it was asked for last. */
  requests: Command | undefined;

  carryOut(command: Command): LedgerDecision {
    this.requests = command;
    const decision = decide(command, this);
    for (const happened of decision.events) {
      const { id } = happened;
      switch (happened.aggregate) {
        case 'account':
          this.versions.set(id, this.version(id) + 1);
          this.accounts.set(id, account.evolve(this.account(id), happened.event));
          break;
        case 'transfer':
          this.transfers.set(id, transfer.evolve(this.transfer(id), happened.event));
          break;
        case 'hold':
          this.holds.set(id, hold.evolve(this.hold(id), happened.event));
          break;
      }
    }
    return decision;
  }

  create(id: string, currency = 'EUR', overdraftLimit = 0n): LedgerDecision {
    const command = { type: 'create', owner: id, currency, overdraftLimit, metadata: {} } as const;
    return this.carryOut({ type: 'account', id, command });
  }

  fund(balances: Readonly<Record<string, bigint>>): void {
    for (const [id, amount] of Object.entries(balances)) {
      this.create(id);
      if (amount > 0n) this.move(`funds of ${id}`, { source: 'world_EUR', destination: id, amount });
    }
  }

  change(id: string, type: 'freeze' | 'unfreeze' | 'close'): LedgerDecision {
    return this.carryOut({ type: 'account', id, command: { type } });
  }

  move(id: string, between: Between, more: Partial<MovementTerms> = {}): LedgerDecision {
    const rest = { kind: 'transfer', currency: 'EUR', metadata: {}, requestedAt: NOW } as const;
    return this.carryOut({ type: 'transfer', id, terms: { ...rest, ...between, ...more } });
  }

  transact(id: string, entries: readonly Entry[]): LedgerDecision {
    const terms = { kind: 'transaction', entries, metadata: {}, requestedAt: NOW } as const;
    return this.carryOut({ type: 'transfer', id, terms });
  }

  reverse(id: string, reverses: string, amount?: bigint): LedgerDecision {
    const terms = { metadata: {}, requestedAt: NOW };
    return this.carryOut({
      type: 'reversal',
      id,
      reverses,
      ...(amount === undefined ? {} : { amount }),
      terms,
    });
  }

  step(id: string, step: TransferStep): LedgerDecision {
    return this.carryOut({ type: 'step', id, step });
  }

  place(id: string, of: Pick<Place['terms'], 'account' | 'amount'>, more: Partial<Place['terms']> = {}) {
    const terms = { currency: 'EUR', metadata: {}, requestedAt: NOW, ...of, ...more };
    return this.onHold(id, { type: 'place', terms, expiresAt: NOON });
  }

  onHold(id: string, step: HoldCommand): LedgerDecision {
    return this.carryOut({ type: 'hold', id, step, at: NOW });
  }

  /** What an account has posted and held. */
  balances(id: string): { posted: bigint; held: bigint } {
    const state = this.account(id);
    return state.status === 'none' ? { posted: 0n, held: 0n } : { posted: state.posted, held: state.held };
  }
}

/** A ledger with accounts in EUR. */
export function ledgerWith(balances: Readonly<Record<string, bigint>>): MemoryLedger {
  const ledger = new MemoryLedger();
  ledger.fund(balances);
  return ledger;
}

/** What a decision brings about, readable. */
export function namesOf({ events }: LedgerDecision): string[] {
  return events.map(({ id, event }) => `${id} ${event.type}`);
}

/** A line of a transaction: an amount above zero is credited, one below zero debited. */
export function line(of: string, amount: bigint, currency = 'EUR'): Entry {
  const direction = amount > 0n ? 'credit' : 'debit';
  return { account: of, direction, amount: amount > 0n ? amount : -amount, currency };
}
