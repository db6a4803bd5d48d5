/** Reads a ledger's log. */
import type { NatsConnection } from '@nats-io/transport-node';
import { EVENT_SUBJECTS, parseEventType, type RecordedEvent } from '../contracts/events.ts';
import { aggregateSubject, factsSubject, streamName } from '../contracts/subjects.ts';
import { lastOf } from './as-of.ts';
import { events, messages } from './bulk-read.ts';
import { decode } from './codec.ts';
import { directGet, lastPosition, type Place } from './direct-get.ts';
import type { EventFilter, EventReader } from './event-reader.ts';
import { follow } from './follow.ts';

/** A reader of one ledger's log. */
export function createEventReader(nc: NatsConnection, ledger: string): EventReader {
  return {
    read: (after, limit, filter = {}) => read({ nc, ledger }, { after, limit, filter }),
    first: async (ref) => {
      const query = { seq: 1, next_by_subj: aggregateSubject(ledger, ref), batch: 1 };
      const [message] = await directGet(nc, streamName(ledger), query);
      return message && decode(message);
    },
    events: (query = {}) => events({ nc, ledger }, query),
    messages: (query = {}) => messages({ nc, ledger }, query),
    lastOf: (account, at) => lastOf({ nc, ledger }, account, at),
    lastPosition: () => lastPosition({ nc, ledger }),
    follow: (after, signal) => follow({ nc, ledger }, after, signal),
  };
}

async function read(
  { nc, ledger }: Place,
  { after, limit, filter }: { after: number; limit: number; filter: EventFilter },
): Promise<RecordedEvent[]> {
  const name = filter.type === undefined ? undefined : parseEventType(filter.type)?.name;
  if (filter.type !== undefined && name === undefined) return [];
  const event = name && EVENT_SUBJECTS[name];
  if (event && filter.account !== undefined && event.aggregate !== 'account') return [];
  const query = {
    seq: after + 1,
    next_by_subj: factsSubject(ledger, { account: filter.account, event }),
    batch: limit,
  };
  const found = await directGet(nc, streamName(ledger), query);
  return found.map(decode);
}
