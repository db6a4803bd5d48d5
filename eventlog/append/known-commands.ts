/**
 * By what a command is known again: the event that its identity (a transfer, a key, an account) began with. An appender
 * remembers where the latest ones stand, not what they are: they are asked for seldom, and they are many.
 */
import { LRUCache } from 'lru-cache';
import type { RecordedEvent } from '../../contracts/events.ts';
import type { AggregateRef } from '../../contracts/subjects.ts';
import { next, type LogRef } from '../read/direct-get.ts';
import type { EventReader } from '../read/event-reader.ts';
import { decode } from '../wire/codec.ts';
import type { Tips } from './tips.ts';

/** What was decided here lately is found without a search. */
const REMEMBERED_MAX = 20_000;

export type KnownCommands = {
  readonly note: (identity: AggregateRef, position: number) => void;
  /**
   * The events of these identities. Those that are not remembered are looked for in the log only if `search` says so.
   * @throws LogUnavailable
   */
  readonly find: (
    wanted: readonly { readonly identity: AggregateRef; readonly search: boolean }[],
  ) => Promise<ReadonlyMap<string, RecordedEvent>>;
};

/** One text for one identity. */
export function keyOf({ aggregate, id }: AggregateRef): string {
  return `${aggregate}.${id}`;
}

export function createKnownCommands(
  log: LogRef,
  { first, tips }: { first: EventReader['first']; tips: Pick<Tips, 'lastEvents'> },
): KnownCommands {
  const positions = new LRUCache<string, number>({ max: REMEMBERED_MAX });
  return {
    note: (identity, position) => void positions.set(keyOf(identity), position),
    async find(wanted) {
      const found = new Map<string, RecordedEvent>();
      const searched: AggregateRef[] = [];
      const read: Promise<void>[] = [];
      const at = async (key: string, position: number) => {
        const message = await next(log, { after: position - 1 });
        if (message) found.set(key, decode(message));
      };
      for (const { identity, search } of wanted) {
        const position = positions.get(keyOf(identity));
        if (position !== undefined) read.push(at(keyOf(identity), position));
        else if (search) searched.push(identity);
      }
      await Promise.all(read);
      if (searched.length === 0) return found;
      for (const last of await tips.lastEvents(searched)) {
        const identity = { aggregate: last.aggregate, id: last.aggregateId };
        const event = (await first(identity)) ?? last;
        found.set(keyOf(identity), event);
        positions.set(keyOf(identity), event.position);
      }
      return found;
    },
  };
}
