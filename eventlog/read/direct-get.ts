/**
 * Reads single messages of the log, and how far it goes. Any replica of the stream may answer a direct get, one that
 * does not have the latest messages yet too: in a cluster the leader is asked where that matters.
 */
import { RequestError, TimeoutError, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { streamName } from '../../contracts/subjects.ts';
import { LogDamaged, LogUnavailable } from '../errors.ts';
import { ERROR_CODES } from '../error-codes.ts';
import { batchOf, type StoredMessage } from '../wire/codec.ts';
import { headersOf, readHeaders } from '../wire/headers.ts';
import { missingFrom, WHAT_TO_DO, type LogState } from './integrity.ts';

/** How long a read may take before the log counts as unreachable. */
const READ_TIMEOUT_MS = 3_000;
/** A replica that is paused answers nothing; another one is asked after this. */
const REPLICA_TIMEOUT_MS = 700;
/** How soon a replica that is behind is asked again. */
const BEHIND_MS = 10;
/** Longer than a batch takes from its first message to its last. */
const ARRIVING_MS = 300;
/** What can be asked for: the last of each subject, the last of one up to a position, or what follows a position. */
type DirectGet =
  { multi_last: string[]; up_to_seq?: number } | { seq: number; next_by_subj: string; batch: number };

type Found = {
  readonly messages: StoredMessage[];
  /** How far the replica goes that has answered; undefined if it does not say so, as when it found nothing. */
  readonly upTo: number | undefined;
};

/**
 * The stored messages that a direct-get query names, in the order that the server gives them.
 * @throws LogUnavailable if the server does not answer in time; LogDamaged if it cannot read what it should have.
 */
export async function directGet(
  nc: NatsConnection,
  stream: string,
  query: DirectGet,
): Promise<StoredMessage[]> {
  return (await readFound(nc, stream, query)).messages;
}

async function readFound(nc: NatsConnection, stream: string, query: DirectGet): Promise<Found> {
  const deadline = performance.now() + READ_TIMEOUT_MS;
  for (;;) {
    const left = deadline - performance.now();
    // Alone, a server that has not answered will not answer a second question sooner.
    const last = !isCluster(nc) || left < 2 * REPLICA_TIMEOUT_MS;
    try {
      const found = await ask(nc, { stream, query, maxWait: last ? left : REPLICA_TIMEOUT_MS });
      if (found) return found;
    } catch (error) {
      // What one replica cannot read another one may have.
      if (error instanceof LogDamaged && !last) {
        await sleep(5 * BEHIND_MS);
        continue;
      }
      if (error instanceof LogUnavailable) throw error;
      throw new LogUnavailable(`The log does not answer: ${String(error)}`, { cause: error });
    }
    if (last) throw new LogUnavailable(`no complete answer within ${READ_TIMEOUT_MS} ms`);
  }
}

type Question = { readonly stream: string; readonly query: DirectGet; readonly maxWait: number };

/** Undefined if the answer is not complete in time. */
async function ask(nc: NatsConnection, { stream, query, maxWait }: Question): Promise<Found | undefined> {
  const messages: StoredMessage[] = [];
  const replies = await nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), {
    // An empty message (status 204 or 404) ends the answer.
    strategy: 'sentinel',
    maxWait,
  });
  let end: Msg | undefined;
  for await (const reply of replies) {
    const code = reply.headers?.code ?? 0;
    if (code === 204 || code === 404) end = reply;
    else if (code !== 0) throw new LogUnavailable(`${code} ${reply.headers?.description ?? ''}`);
    else messages.push(storedMessage(reply));
  }
  if (!end) return undefined;
  // Of the last of each subject the server knows where they are. If it then cannot read one, it has been damaged.
  if ('multi_last' in query && end.headers?.code === 404 && end.headers.description === NOT_READABLE) {
    throw new LogDamaged(`The log has events of ${query.multi_last.join(', ')} that cannot be read.`);
  }
  const upTo = end.headers?.get('Nats-UpTo-Sequence');
  return { messages, upTo: upTo ? Number(upTo) : undefined };
}

/** Says nats-server 2.15; when there is nothing it says `No Results`. */
const NOT_READABLE = 'Message Not Found';

function storedMessage(reply: Msg): StoredMessage {
  const headers = readHeaders(reply);
  return {
    subject: headers.get('Nats-Subject') ?? '',
    seq: Number(headers.get('Nats-Sequence')),
    data: reply.data,
    headers,
  };
}

/** A ledger, and the connection to ask by. */
export type LogRef = { readonly nc: NatsConnection; readonly ledger: string };

/** Whether there may be replicas that are behind. */
function isCluster(nc: NatsConnection): boolean {
  return nc.info?.cluster !== undefined;
}

/**
 * The last message of each subject (wildcards allowed), with all that was acknowledged before this was asked.
 * @throws LogUnavailable if nobody can tell that in time
 */
export async function lastOfEach(log: LogRef, subjects: string[]): Promise<StoredMessage[]> {
  const query = { multi_last: subjects };
  const read = () => readFound(log.nc, streamName(log.ledger), query);
  if (!isCluster(log.nc)) return (await read()).messages;
  const [end, first] = await Promise.all([lastPosition(log), read()]);
  return untilCurrent(first, read, ({ upTo }) =>
    upTo === undefined ? hasNone(log, subjects) : Promise.resolve(upTo >= end),
  );
}

/** The last message of a subject (wildcards allowed) up to a position that the log has reached, or of each event type. */
export async function lastUpTo(
  log: LogRef,
  { subject, position }: { subject: string; position: number },
): Promise<StoredMessage[]> {
  const query = { multi_last: [subject], up_to_seq: position };
  const read = () => readFound(log.nc, streamName(log.ledger), query);
  // Nothing is found up to a position that the replica has not reached, so what is found is right.
  return untilCurrent(await read(), read, async ({ messages }) => {
    if (messages.length > 0 || !isCluster(log.nc)) return true;
    const first = await nextPosition(log, { after: 0, subject });
    return first === undefined || first > position;
  });
}

/** Up to `limit` messages after a position on a subject, with all that was acknowledged before this was asked. */
export async function page(
  log: LogRef,
  { after, subject, limit }: { after: number; subject: string; limit: number },
): Promise<StoredMessage[]> {
  const query = { seq: after + 1, next_by_subj: subject, batch: limit };
  const read = () => readFound(log.nc, streamName(log.ledger), query);
  let missed: number | undefined;
  return untilCurrent(await read(), read, async ({ messages }) => {
    if (messages.length >= limit || !isCluster(log.nc)) return true;
    const last = messages.at(-1)?.seq ?? after;
    if (missed !== undefined) return last >= missed;
    missed = await nextPosition(log, { after: last, subject });
    return missed === undefined;
  });
}

/** Reads again until the answer is from a replica that has what it must have. */
async function untilCurrent(
  first: Found,
  read: () => Promise<Found>,
  isCurrent: (found: Found) => Promise<boolean>,
): Promise<StoredMessage[]> {
  const deadline = performance.now() + READ_TIMEOUT_MS;
  for (let found = first; ; found = await read()) {
    if (await isCurrent(found)) return found.messages;
    if (performance.now() > deadline) throw new LogUnavailable('The replicas of the log are behind.');
    await sleep(BEHIND_MS);
  }
}

async function hasNone(log: LogRef, subjects: readonly string[]): Promise<boolean> {
  const found = await Promise.all(subjects.map((subject) => nextPosition(log, { after: 0, subject })));
  return found.every((position) => position === undefined);
}

/** The first message after a position; on a subject if one is given. */
export async function next(
  log: LogRef,
  { after, subject = '>' }: { after: number; subject?: string | undefined },
): Promise<StoredMessage | undefined> {
  const query = { seq: after + 1, next_by_subj: subject, batch: 1 };
  const [message] = await directGet(log.nc, streamName(log.ledger), query);
  // Where one is, it is the next in the log; where none is, the replica may be behind.
  return message ?? (isCluster(log.nc) ? nextAtLeader(log, { after, subject }) : undefined);
}

/** The position of the last message; 0 if there is none. */
export async function lastPosition(log: LogRef): Promise<number> {
  return (await stateOf(log)).last_seq;
}

/**
 * The position of the last message of a log that has lost nothing.
 * @param known how far it went at some time. Without that its end is looked at, where half a batch may be left.
 * @throws LogDamaged if it has
 */
export async function verifiedEnd(log: LogRef, known = 0): Promise<number> {
  const state = await stateOf(log);
  const missing = missingFrom(state) ?? (known > 0 ? undefined : await brokenEnd(log, state.last_seq));
  if (missing === undefined) return state.last_seq;
  throw new LogDamaged(`The log ${streamName(log.ledger)} is damaged: ${missing}`);
}

/** A log ends where a batch ends. If its file was cut off elsewhere, half of one is left. */
async function brokenEnd(log: LogRef, last: number): Promise<string | undefined> {
  const ends = async () => {
    if (last === 0) return true;
    const message = await next(log, { after: last - 1 });
    return message !== undefined && batchOf(message.headers)?.last !== false;
  };
  if (await ends()) return undefined;
  // A batch may be on its way into the log.
  await sleep(ARRIVING_MS);
  if ((await lastPosition(log)) !== last || (await ends())) return undefined;
  return `the batch that its last event at position ${last} belongs to is not whole. ${WHAT_TO_DO}`;
}

async function stateOf({ nc, ledger }: LogRef): Promise<LogState> {
  try {
    const reply = await nc.request(`$JS.API.STREAM.INFO.${streamName(ledger)}`, '', {
      timeout: READ_TIMEOUT_MS,
    });
    const info = reply.json<{ state?: LogState; error?: { description: string } }>();
    if (!info.state) throw new LogUnavailable(info.error?.description ?? 'no state');
    return info.state;
  } catch (error) {
    if (error instanceof RequestError || error instanceof TimeoutError) {
      throw new LogUnavailable(`The log does not answer: ${String(error)}`, { cause: error });
    }
    throw error;
  }
}

/**
 * The position of the first message after a position on a subject, as the leader of the stream has it; undefined if
 * there is none.
 * @throws LogUnavailable if the server does not answer in time.
 */
export async function nextPosition(
  log: LogRef,
  start: { after: number; subject: string },
): Promise<number | undefined> {
  return (await nextAtLeader(log, start))?.seq;
}

async function nextAtLeader(
  { nc, ledger }: LogRef,
  { after, subject }: { after: number; subject: string },
): Promise<StoredMessage | undefined> {
  const query = JSON.stringify({ seq: after + 1, next_by_subj: subject });
  const reply = await nc
    .request(`$JS.API.STREAM.MSG.GET.${streamName(ledger)}`, query, { timeout: READ_TIMEOUT_MS })
    .catch((error: unknown) => {
      throw new LogUnavailable(`The log does not answer: ${String(error)}`, { cause: error });
    });
  const { message, error } = reply.json<{
    message?: { subject: string; seq: number; hdrs?: string; data?: string };
    error?: { err_code?: number; description?: string };
  }>();
  if (message) {
    const data = Buffer.from(message.data ?? '', 'base64');
    return { subject: message.subject, seq: message.seq, data, headers: headersOf(message.hdrs ?? '') };
  }
  if (error?.err_code === ERROR_CODES.NoMessageFound) return undefined;
  throw new LogUnavailable(error?.description ?? 'no message');
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
