/**
 * The tip of each aggregate: its state after its last event, and where that event stands. Since every account event
 * carries the state after it, loading a tip is reading one message; nothing is ever replayed to decide.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { LRUCache } from 'lru-cache';
import type { AccountRecord, HoldRecord, RecordedEvent, TransferRecord } from '../../contracts/events.ts';
import { aggregateSubject, type AggregateRef } from '../../contracts/subjects.ts';
import { account, type AccountState } from '../../domain/account.ts';
import { hold, type HoldState } from '../../domain/hold.ts';
import { accountsOf, subjectOf, type Command } from '../../domain/ledger.ts';
import { isWaiting, transfer, type TransferState } from '../../domain/transfer.ts';
import {
  accountAfter,
  holdAfter,
  transferAfter,
  type HoldFact,
  type TransferFact,
} from '../../messages/mapping/event-data.ts';
import { lastOfEach } from '../read/direct-get.ts';
import { decode, FIRST_HASH } from '../wire/codec.ts';

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
  readonly offset: number;
};

/** An aggregate as it is, and where its chain ends. */
export type Tip<State> = ChainEnd & { readonly state: State };

export type AccountTip = Tip<AccountState>;
/** Of a transfer or a hold the last event is kept too: it says all that there is to say. */
export type TransferTip = Tip<TransferState> & { readonly last?: TransferFact };
export type HoldTip = Tip<HoldState> & { readonly last?: HoldFact };

/** The tips of what a command may touch. */
export type TipsView = {
  readonly account: (id: string) => AccountTip;
  readonly transfer: (id: string) => TransferTip;
  readonly hold: (id: string) => HoldTip;
};

/** Tips by what they are tips of. */
export type TipMaps = {
  readonly account: Map<string, AccountTip>;
  readonly transfer: Map<string, TransferTip>;
  readonly hold: Map<string, HoldTip>;
};

export const NO_EVENTS: ChainEnd = { version: 0, hash: FIRST_HASH, append: { first: 0, at: 0 }, offset: 0 };

/** The position of a chain's last event; NaN while the append that brings it is on its way. */
export function positionOf({ append, offset }: ChainEnd): number {
  return append.first + offset;
}

/**
 * True if nobody can have changed the aggregate between that time and the reading or the append that the tip is from.
 * While an append is on its way it counts as current: if it does not land, all that was built on it is decided again.
 */
export function isCurrent({ append }: ChainEnd, since: number): boolean {
  return Number.isNaN(append.first) || append.at >= since;
}

/** Aggregates per request: one has at most 9 subjects, and the server gives at most 1,024 messages. */
const LOAD_CHUNK = 100;
/** Transfers and holds are asked for while they wait; most never wait. */
const WAITING_MAX = 20_000;

export type Tips = TipsView & {
  /** Makes sure that all is known that these commands need to see. */
  readonly load: (commands: readonly Command[]) => Promise<void>;
  /** Notes what an append leaves behind. */
  readonly set: (tips: TipMaps) => void;
  /** Forgets these, or all: they are read again. */
  readonly forget: (refs?: Iterable<AggregateRef>) => void;
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
  const accounts = new LRUCache<string, AccountTip>({ max: options.cacheMax });
  const transfers = new LRUCache<string, TransferTip>({ max: WAITING_MAX });
  const holds = new LRUCache<string, HoldTip>({ max: WAITING_MAX });
  let latest = '';
  const note = (time: string) => {
    if (time > latest) latest = time;
  };

  async function lastEvents(refs: readonly AggregateRef[]): Promise<RecordedEvent[]> {
    const chunks = [];
    for (let start = 0; start < refs.length; start += LOAD_CHUNK) {
      const subjects = refs.slice(start, start + LOAD_CHUNK).map((ref) => aggregateSubject(ledger, ref));
      chunks.push(lastOfEach({ nc, ledger }, subjects));
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

  /** Reads what is not known yet. */
  async function read(refs: readonly AggregateRef[]): Promise<void> {
    if (refs.length === 0) return;
    const at = performance.now();
    const events = await lastEvents(refs);
    const byKey = new Map(events.map((event) => [`${event.aggregate}.${event.aggregateId}`, event]));
    for (const { aggregate, id } of refs) {
      const last = byKey.get(`${aggregate}.${id}`);
      if (aggregate === 'transfer')
        transfers.set(id, transferTip(id, last as TransferRecord | undefined, at));
      else if (aggregate === 'hold') holds.set(id, holdTip(id, last as HoldRecord | undefined, at));
      else accounts.set(id, accountTip(id, last as AccountRecord | undefined, at));
    }
  }

  const view: TipsView = {
    account: (id) => loaded(accounts, 'account', id),
    transfer: (id) => loaded(transfers, 'transfer', id),
    hold: (id) => loaded(holds, 'hold', id),
  };
  const states = {
    transfer: (id: string) => view.transfer(id).state,
    hold: (id: string) => view.hold(id).state,
  };

  return {
    ...view,
    lastEvents,
    latest: () => latest,
    note,
    async load(commands) {
      // What a command is about tells which accounts it touches.
      const subjects = new Map<string, AggregateRef>();
      for (const command of commands) {
        const subject = subjectOf(command);
        const cache = subject?.aggregate === 'hold' ? holds : transfers;
        if (subject && cache.get(subject.id) === undefined)
          subjects.set(`${subject.aggregate}.${subject.id}`, subject);
      }
      await read([...subjects.values()]);
      const wanted = new Set<string>();
      for (const command of commands) {
        for (const id of accountsOf(command, states)) if (accounts.get(id) === undefined) wanted.add(id);
      }
      await read([...wanted].map((id) => ({ aggregate: 'account', id })));
    },
    set(tips) {
      for (const [id, tip] of tips.account) accounts.set(id, tip);
      for (const [id, tip] of tips.hold) holds.set(id, tip);
      for (const [id, tip] of tips.transfer) {
        // A transfer of one step is over: nobody asks for it soon, and they are many.
        if (tip.version > 1 || isWaiting(tip.state.status)) transfers.set(id, tip);
      }
    },
    forget(refs) {
      const caches = { account: accounts, transfer: transfers, hold: holds, command: undefined };
      if (refs === undefined) for (const cache of [accounts, transfers, holds]) cache.clear();
      else for (const { aggregate, id } of refs) caches[aggregate]?.delete(id);
    },
  };
}

function loaded<TipOf extends object>(cache: LRUCache<string, TipOf>, what: string, id: string): TipOf {
  const tip = cache.get(id);
  if (!tip) throw new Error(`The tip of ${what} ${id} has not been loaded`);
  return tip;
}

function accountTip(id: string, last: AccountRecord | undefined, at: number): AccountTip {
  return { ...endOf(last, at), state: last ? accountAfter(id, last.data) : account.initialState(id) };
}

function transferTip(id: string, last: TransferRecord | undefined, at: number): TransferTip {
  const end = endOf(last, at);
  return last ? { ...end, state: transferAfter(last), last } : { ...end, state: transfer.initialState(id) };
}

function holdTip(id: string, last: HoldRecord | undefined, at: number): HoldTip {
  const end = endOf(last, at);
  return last ? { ...end, state: holdAfter(last), last } : { ...end, state: hold.initialState(id) };
}

function endOf(last: RecordedEvent | undefined, at: number): ChainEnd {
  if (!last) return { ...NO_EVENTS, append: { first: 0, at } };
  // A copy: the hash is cut out of the message's headers, and would keep all of them in memory.
  const hash = Buffer.from(last.hash).toString();
  return { version: last.version, hash, append: { first: last.position, at }, offset: 0 };
}
