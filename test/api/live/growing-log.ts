/** A log in memory that grows while it is followed and read, as badly as a cluster may: late, in pieces, twice. */
import { setImmediate as turn } from 'node:timers/promises';
import type { RecordedEvent } from '../../../contracts/events.ts';
import type { EventFilter, EventReader } from '../../../eventlog/read/event-reader.ts';
import { createTestLog } from '../../support/events/events.ts';

const ACCOUNTS = ['alice', 'bob', 'carol'];

export type GrowingLog = Pick<EventReader, 'follow' | 'read' | 'nextPosition' | 'lastPosition'> & {
  readonly events: readonly RecordedEvent[];
  /** Appends so many batches; some are receipts, which are not published. */
  readonly grow: (batches: number) => void;
  /** The published events that a filter lets through. */
  readonly matching: (filter: EventFilter) => readonly RecordedEvent[];
};

/** @param seed decides by chance how bad it is; without one it does all at once, and right */
export function createGrowingLog(seed?: number): GrowingLog {
  const log = createTestLog();
  const { events } = log;
  const chance = seed === undefined ? () => 0 : chances(seed);
  for (const id of ACCOUNTS) log.open(id);

  const grow = (batches: number) => {
    for (let count = 0; count < batches; count += 1) {
      const id = ACCOUNTS[chance(ACCOUNTS.length)] ?? 'alice';
      if (chance(4) === 3) log.receipt(id);
      else log.deposit(id, 1n);
    }
  };
  const matching = ({ account, type }: EventFilter) =>
    events.filter(
      (event) =>
        event.aggregate !== 'command' &&
        (account === undefined || (event.aggregate === 'account' && event.aggregateId === account)) &&
        (type === undefined || event.type === type),
    );

  return {
    events,
    grow,
    matching,
    async *follow(after, signal) {
      let at = after;
      while (!signal.aborted) {
        const some = events.slice(at, at + 12 - chance(12));
        await turn();
        if (some.length === 0) continue;
        // The connection is lost, or what it brought comes again.
        if (chance(8) === 7) throw new Error('The connection was lost.');
        yield events.slice(Math.max(0, at - chance(3)), at + some.length);
        at += some.length;
      }
    },
    async read(after, limit, filter = {}) {
      // A replica that has not got the latest events yet.
      const known = events.length - chance(2) * chance(20);
      for (let turns = chance(4); turns > 0; turns -= 1) await turn();
      return matching(filter)
        .filter(({ position }) => position > after && position <= known)
        .slice(0, limit - chance(limit));
    },
    async nextPosition(after, filter = {}) {
      await turn();
      return matching(filter).find(({ position }) => position > after)?.position;
    },
    async lastPosition() {
      await turn();
      return events.length;
    },
  };
}

/** Numbers from 0 up to, and without, a bound: the same for the same seed (Park and Miller's generator). */
function chances(seed: number): (bound: number) => number {
  let state = (Math.abs(seed) % 2_147_483_646) + 1;
  return (bound) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % bound;
  };
}
