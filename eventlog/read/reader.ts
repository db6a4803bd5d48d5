/** Reads a ledger's log. */
import type { NatsConnection } from '@nats-io/transport-node';
import { EVENT_SUBJECTS, parseEventType, type RecordedEvent } from '../../contracts/events.ts';
import { aggregateSubject, factsSubject } from '../../contracts/subjects.ts';
import { decode, decodeOf } from '../wire/codec.ts';
import { lastOf } from './as-of.ts';
import { events, messages } from './bulk-read.ts';
import {
  lastOfEach,
  lastPosition,
  next,
  nextPosition,
  page,
  verifiedEnd,
  type LogRef,
} from './direct-get.ts';
import type { EventFilter, EventReader } from './event-reader.ts';
import { follow } from './follow.ts';

/** A reader of one ledger's log. */
export function createEventReader(nc: NatsConnection, ledger: string): EventReader {
  return {
    read: (after, limit, filter = {}) => read({ nc, ledger }, { after, limit, filter }),
    nextPosition: async (after, filter = {}) => {
      const subject = subjectOf(ledger, filter);
      return subject === undefined ? undefined : nextPosition({ nc, ledger }, { after, subject });
    },
    first: async (ref) => {
      const message = await next({ nc, ledger }, { after: 0, subject: aggregateSubject(ledger, ref) });
      return message && decodeOf(ref.aggregate, message);
    },
    last: async (ref) => {
      // One message for each kind of event that has happened to it.
      const found = await lastOfEach({ nc, ledger }, [aggregateSubject(ledger, ref)]);
      const newest = found.toSorted((a, b) => a.seq - b.seq).at(-1);
      return newest && decodeOf(ref.aggregate, newest);
    },
    events: (query = {}) => events({ nc, ledger }, query),
    messages: (query = {}) => messages({ nc, ledger }, query),
    lastOf: (account, at) => lastOf({ nc, ledger }, account, at),
    lastPosition: () => lastPosition({ nc, ledger }),
    verifiedEnd: () => verifiedEnd({ nc, ledger }),
    follow: (after, signal, unreadable) => follow({ nc, ledger }, { after, unreadable }, signal),
  };
}

async function read(
  log: LogRef,
  { after, limit, filter }: { after: number; limit: number; filter: EventFilter },
): Promise<RecordedEvent[]> {
  const subject = subjectOf(log.ledger, filter);
  if (subject === undefined) return [];
  return (await page(log, { after, subject, limit })).map(decode);
}

/** Where the events of a filter are; undefined if there can be none. */
function subjectOf(ledger: string, { account, type }: EventFilter): string | undefined {
  const name = type === undefined ? undefined : parseEventType(type)?.name;
  if (type !== undefined && name === undefined) return undefined;
  const event = name && EVENT_SUBJECTS[name];
  if (event && account !== undefined && event.aggregate !== 'account') return undefined;
  return factsSubject(ledger, { account, event });
}
