/** Reads single messages of the log, and how far it goes: by requests that any replica of the stream answers. */
import { RequestError, TimeoutError, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { streamName } from '../contracts/subjects.ts';
import type { StoredMessage } from './codec.ts';
import { readHeaders } from './headers.ts';

/** How long a read may take before the log counts as unreachable. */
const READ_TIMEOUT_MS = 3_000;

/** The log did not answer, or refused to. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

/** What can be asked for: the last of each subject, the last of one up to a position, or what follows a position. */
type DirectGet =
  { multi_last: string[]; up_to_seq?: number } | { seq: number; next_by_subj: string; batch: number };

/**
 * The stored messages that a direct-get query names, in the order that the server gives them.
 * @throws LogUnavailable if the server does not answer in time.
 */
export async function directGet(
  nc: NatsConnection,
  stream: string,
  query: DirectGet,
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
  const headers = readHeaders(reply);
  return {
    subject: headers.get('Nats-Subject') ?? '',
    seq: Number(headers.get('Nats-Sequence')),
    data: reply.data,
    headers,
  };
}

/** A ledger, and the connection to ask by. */
export type Place = { readonly nc: NatsConnection; readonly ledger: string };

/** The first message after a position; on a subject if one is given. */
export function next(
  { nc, ledger }: Place,
  { after, subject = '>' }: { after: number; subject?: string | undefined },
): Promise<StoredMessage[]> {
  return directGet(nc, streamName(ledger), { seq: after + 1, next_by_subj: subject, batch: 1 });
}

/** The position of the last message; 0 if there is none. */
export async function lastPosition({ nc, ledger }: Place): Promise<number> {
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

const NO_MESSAGE_FOUND = 10_037;

/**
 * The position of the first message after a position on a subject, as the leader of the stream has it; undefined if
 * there is none. Replicas may be behind it: what they do not have yet is not found by the other functions here.
 * @throws LogUnavailable if the server does not answer in time.
 */
export async function nextPosition(
  { nc, ledger }: Place,
  { after, subject }: { after: number; subject: string },
): Promise<number | undefined> {
  const query = JSON.stringify({ seq: after + 1, next_by_subj: subject });
  const reply = await nc
    .request(`$JS.API.STREAM.MSG.GET.${streamName(ledger)}`, query, { timeout: READ_TIMEOUT_MS })
    .catch((error: unknown) => {
      throw new LogUnavailable(`The log does not answer: ${String(error)}`, { cause: error });
    });
  const { message, error } = reply.json<{
    message?: { seq: number };
    error?: { err_code?: number; description?: string };
  }>();
  if (message) return message.seq;
  if (error?.err_code === NO_MESSAGE_FOUND) return undefined;
  throw new LogUnavailable(error?.description ?? 'no message');
}
