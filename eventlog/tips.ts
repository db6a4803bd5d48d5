/**
 * The tip of each aggregate: its state after its last event, and where that event stands. Since every account event
 * carries the state after it, loading a tip is reading one message; nothing is ever replayed to decide.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { LRUCache } from 'lru-cache';
import { account, type AccountState } from '../domain/account.ts';
import { accountAfter, type RecordedEvent } from '../contracts/events.ts';
import { aggregateSubject, streamName, type AggregateRef } from '../contracts/subjects.ts';
import { decode, FIRST_HASH } from './codec.ts';
import { directGet } from './direct-get.ts';

/** An append, or a reading of what others appended. */
export type Placement = {
  /** Where its messages begin in the log; NaN until that is known. */
  first: number;
  /** When it was sent, by `performance.now()`: what it left behind, or found, was so then or later. */
  readonly at: number;
};

/** Where an aggregate's chain of events ends; version 0 and position 0 before the first. */
export type ChainEnd = {
  readonly version: number;
  readonly hash: string;
  /** The append that the last event came with, and its place there. */
  readonly append: Placement;
  readonly place: number;
};

export type AccountTip = ChainEnd & { readonly state: AccountState };

export const NO_EVENTS: ChainEnd = { version: 0, hash: FIRST_HASH, append: { first: 0, at: 0 }, place: 0 };

/** The position of a chain's last event; NaN while the append that brings it is on its way. */
export function positionOf({ append, place }: ChainEnd): number {
  return append.first + place;
}

/**
 * True if nobody can have changed the aggregate between that time and the reading or the append that the tip is from.
 * While an append is on its way it counts as current: if it does not land, all that was built on it is decided again.
 */
export function isCurrent({ append }: ChainEnd, since: number): boolean {
  return Number.isNaN(append.first) || append.at >= since;
}

/** Aggregates per request: an account has at most 8 subjects, and the server gives at most 1,024 messages. */
const LOAD_CHUNK = 100;

export type Tips = {
  /** Makes sure that the tips of these accounts are known. */
  readonly load: (accounts: Iterable<string>) => Promise<void>;
  /** The tip of an account that has been loaded. */
  readonly account: (id: string) => AccountTip;
  readonly setAccount: (id: string, tip: AccountTip) => void;
  /** Forgets these accounts, or all: they are read again. */
  readonly forget: (accounts?: Iterable<string>) => void;
  /** The time of the newest event that was loaded or noted here, RFC 3339; empty before the first. */
  readonly latest: () => string;
  /** Notes that events with this time were appended. */
  readonly note: (time: string) => void;
  /** The last events of other aggregates, straight from the log; those without events are left out. */
  readonly lastEvents: (refs: readonly AggregateRef[]) => Promise<RecordedEvent[]>;
};

/** A cache of tips in front of the log, bounded to `cacheMax` accounts. */
export function createTips(
  nc: NatsConnection,
  ledger: string,
  options: { cacheMax: number } = { cacheMax: 100_000 },
): Tips {
  const cache = new LRUCache<string, AccountTip>({ max: options.cacheMax });
  let latest = '';
  const note = (time: string) => {
    if (time > latest) latest = time;
  };

  async function lastEvents(refs: readonly AggregateRef[]): Promise<RecordedEvent[]> {
    const chunks = [];
    for (let start = 0; start < refs.length; start += LOAD_CHUNK) {
      const subjects = refs.slice(start, start + LOAD_CHUNK).map((ref) => aggregateSubject(ledger, ref));
      chunks.push(directGet(nc, streamName(ledger), { multi_last: subjects }));
    }
    // The answer has the last message of every subject; an aggregate's last event is the newest of its own.
    const newest = new Map<string, RecordedEvent>();
    for (const event of (await Promise.all(chunks)).flat().map(decode)) {
      const key = `${event.aggregate}.${event.aggregateId}`;
      note(event.time);
      if (event.position > (newest.get(key)?.position ?? 0)) newest.set(key, event);
    }
    return [...newest.values()];
  }

  return {
    lastEvents,
    latest: () => latest,
    note,
    async load(accounts) {
      const wanted = [...new Set(accounts)].filter((id) => cache.get(id) === undefined);
      if (wanted.length === 0) return;
      const at = performance.now();
      const events = await lastEvents(wanted.map((id) => ({ aggregate: 'account', id })));
      const byId = new Map(events.map((event) => [event.aggregateId, event]));
      for (const id of wanted) cache.set(id, tipOf(id, { last: byId.get(id), at }));
    },
    account(id) {
      const tip = cache.get(id);
      if (!tip) throw new Error(`The tip of account ${id} has not been loaded`);
      return tip;
    },
    setAccount: (id, tip) => void cache.set(id, tip),
    forget(accounts) {
      if (accounts === undefined) cache.clear();
      else for (const id of accounts) cache.delete(id);
    },
  };
}

function tipOf(id: string, { last, at }: { last: RecordedEvent | undefined; at: number }): AccountTip {
  if (!last) return { ...NO_EVENTS, append: { first: 0, at }, state: account.initialState(id) };
  if (!('balances' in last.data)) throw new Error(`${last.name} at position ${last.position} has no state`);
  const { version, hash, position } = last;
  // A copy: the hash is cut out of the message's headers, and would keep all of them in memory.
  const own = Buffer.from(hash).toString();
  return {
    version,
    hash: own,
    append: { first: position, at },
    place: 0,
    state: accountAfter(id, last.data),
  };
}
