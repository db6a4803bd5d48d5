/** Reads the log: by direct gets what is there, by an ordered consumer what comes. */
import { DeliverPolicy, jetstream, type JsMsg } from '@nats-io/jetstream';
import { RequestError, TimeoutError, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { EVENT_SUBJECTS, eventName, type RecordedEvent } from '../contracts/events.ts';
import { aggregateSubject, factsSubject, streamName } from '../contracts/subjects.ts';
import { BATCH_MESSAGES_MAX } from './batch.ts';
import { decode, type StoredMessage } from './codec.ts';
import type { EventFilter, EventReader } from './event-reader.ts';

/** How long a read may take before the log counts as unreachable. */
const READ_TIMEOUT_MS = 3_000;

/** The log did not answer, or refused to. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

/** A reader of one ledger's log. */
export function createEventReader(nc: NatsConnection, ledger: string): EventReader {
  return {
    read: (after, limit, filter = {}) => read({ nc, ledger }, { after, limit, filter }),
    first: async (ref) => {
      const query = { seq: 1, next_by_subj: aggregateSubject(ledger, ref), batch: 1 };
      const [message] = await directGet(nc, streamName(ledger), query);
      return message && decode(message);
    },
    lastPosition: () => lastPosition(nc, ledger),
    follow: (after, signal) => follow({ nc, ledger }, after, signal),
  };
}

/**
 * The stored messages that a direct-get query names, in the order that the server gives them.
 * @throws LogUnavailable if the server does not answer in time.
 */
export async function directGet(
  nc: NatsConnection,
  stream: string,
  query: { multi_last: string[] } | { seq: number; next_by_subj: string; batch: number },
): Promise<StoredMessage[]> {
  const found: StoredMessage[] = [];
  try {
    const replies = await nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), {
      // An empty message (status 204 or 404) ends the answer.
      strategy: 'sentinel',
      maxWait: READ_TIMEOUT_MS,
    });
    let ended = false;
    for await (const reply of replies) {
      const code = reply.headers?.code ?? 0;
      if (code === 204 || code === 404) ended = true;
      else if (code !== 0) throw new LogUnavailable(`${code} ${reply.headers?.description ?? ''}`);
      else found.push(storedMessage(reply));
    }
    if (!ended) throw new LogUnavailable(`no complete answer within ${READ_TIMEOUT_MS} ms`);
    return found;
  } catch (error) {
    if (error instanceof LogUnavailable) throw error;
    throw new LogUnavailable(`The log does not answer: ${String(error)}`, { cause: error });
  }
}

function storedMessage(reply: Msg): StoredMessage {
  const { headers, data } = reply;
  if (!headers) throw new Error('A stored message has headers');
  return {
    subject: headers.get('Nats-Subject'),
    seq: Number(headers.get('Nats-Sequence')),
    data,
    header: headers,
  };
}

type Place = { readonly nc: NatsConnection; readonly ledger: string };

async function read(
  { nc, ledger }: Place,
  { after, limit, filter }: { after: number; limit: number; filter: EventFilter },
): Promise<RecordedEvent[]> {
  const name = filter.type === undefined ? undefined : eventName(filter.type);
  if (filter.type !== undefined && name === undefined) return [];
  const event = name && EVENT_SUBJECTS[name];
  if (event && filter.account !== undefined && event.aggregate !== 'account') return [];
  const query = {
    seq: after + 1,
    next_by_subj: factsSubject(ledger, { account: filter.account, event }),
    batch: limit,
  };
  const messages = await directGet(nc, streamName(ledger), query);
  return messages.map(decode);
}

async function lastPosition(nc: NatsConnection, ledger: string): Promise<number> {
  try {
    const reply = await nc.request(`$JS.API.STREAM.INFO.${streamName(ledger)}`, '', {
      timeout: READ_TIMEOUT_MS,
    });
    const info = reply.json<{ state?: { last_seq: number }; error?: { description: string } }>();
    if (!info.state) throw new LogUnavailable(info.error?.description ?? 'no state');
    return info.state.last_seq;
  } catch (error) {
    if (error instanceof RequestError || error instanceof TimeoutError) {
      throw new LogUnavailable(`The log does not answer: ${String(error)}`, { cause: error });
    }
    throw error;
  }
}

/**
 * Whole batches only: events of a batch wait in `open` until its commit marker has come. What is complete goes on as
 * soon as nothing more is waiting locally, so a quiet log is followed at once and a busy one in large steps.
 */
async function* follow({ nc, ledger }: Place, after: number, signal: AbortSignal) {
  const consumer = await jetstream(nc).consumers.get(streamName(ledger), {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
  });
  const messages = await consumer.consume({ max_messages: 2 * BATCH_MESSAGES_MAX });
  const stop = () => messages.stop();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  let complete: RecordedEvent[] = [];
  let open: RecordedEvent[] = [];
  try {
    for await (const message of messages) {
      const event = decode(toStored(message));
      open.push(event);
      if (event.batch && !event.batch.last) continue;
      if (complete.length + open.length > BATCH_MESSAGES_MAX) {
        yield complete;
        complete = [];
      }
      complete.push(...open);
      open = [];
      if (messages.getPending() === 0) {
        yield complete;
        complete = [];
      }
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await messages.close();
  }
}

function toStored(message: JsMsg): StoredMessage {
  const { subject, seq, data, headers } = message;
  if (!headers) throw new Error(`The message at position ${seq} has no headers`);
  return { subject, seq, data, header: headers };
}
