/** What the log has, in the terms of those who asked: commands that were carried out, money that moved, accounts. */
import type { RecordedEvent } from '../../contracts/events.ts';
import type { Move } from '../clients/record.ts';

/** One carrying out of one command: a run of events that name it. */
export type CarriedOut = {
  readonly keyHash: string | undefined;
  readonly events: readonly Pick<RecordedEvent, 'id' | 'position' | 'aggregateId'>[];
};

export type AccountState = {
  readonly position: number;
  readonly posted: bigint;
  readonly held: bigint;
  readonly available: bigint;
  readonly limit: bigint;
};

export type LogFacts = {
  readonly carriedOut: ReadonlyMap<string, readonly CarriedOut[]>;
  /** What each transfer has moved: entries on accounts, whatever else its events say. */
  readonly moves: ReadonlyMap<string, readonly Move[]>;
  /** The states of each account, by its version: the first one has the version 1. */
  readonly accounts: ReadonlyMap<string, readonly AccountState[]>;
  /** The last event of each transfer and each hold. */
  readonly transfers: ReadonlyMap<string, RecordedEvent>;
  readonly holds: ReadonlyMap<string, RecordedEvent>;
  readonly last: number;
};

/** Folds the log: takes all events from the first one on, in order. */
export class LogFold implements LogFacts {
  readonly carriedOut = new Map<string, Mutable[]>();
  readonly moves = new Map<string, Move[]>();
  readonly accounts = new Map<string, AccountState[]>();
  readonly transfers = new Map<string, RecordedEvent>();
  readonly holds = new Map<string, RecordedEvent>();
  last = 0;

  add(event: RecordedEvent): void {
    this.last = event.position;
    addToCommand(this.carriedOut, event);
    switch (event.aggregate) {
      case 'account':
        addToAccount(this.accounts, event);
        addMove(this.moves, event);
        break;
      case 'transfer':
        this.transfers.set(event.aggregateId, event);
        break;
      case 'hold':
        this.holds.set(event.aggregateId, event);
        break;
      case 'command':
        break;
    }
  }
}

type Mutable = { readonly keyHash: string | undefined; readonly events: CarriedOut['events'][number][] };

/** Events are named `<command>-<n>`, n from 1: a second `-1` says that the command was carried out a second time. */
function addToCommand(
  all: Map<string, Mutable[]>,
  { id, position, aggregateId, idempotencyKey: keyHash }: RecordedEvent,
): void {
  const dash = id.lastIndexOf('-');
  const times = listOf(all, id.slice(0, dash));
  const now = times.at(-1);
  const event = { id, position, aggregateId };
  if (now && id.slice(dash) !== '-1') now.events.push(event);
  else times.push({ keyHash, events: [event] });
}

function addToAccount(
  accounts: Map<string, AccountState[]>,
  { aggregateId, position, data }: RecordedEvent,
): void {
  if (!('balances' in data)) return;
  const { balances, overdraft_limit } = data;
  listOf(accounts, aggregateId).push({
    position,
    posted: BigInt(balances.posted),
    held: BigInt(balances.held),
    available: BigInt(balances.available),
    limit: BigInt(overdraft_limit),
  });
}

function addMove(moves: Map<string, Move[]>, event: RecordedEvent): void {
  if (event.name !== 'MoneyDeposited' && event.name !== 'MoneyWithdrawn') return;
  const amount = BigInt(event.data.amount);
  const move = [event.aggregateId, event.name === 'MoneyDeposited' ? amount : -amount] as const;
  listOf(moves, event.data.transfer).push(move);
}

function listOf<Thing>(map: Map<string, Thing[]>, key: string): Thing[] {
  const known = map.get(key);
  if (known) return known;
  const fresh: Thing[] = [];
  map.set(key, fresh);
  return fresh;
}
