/**
 * One append on the wire: a JetStream atomic batch (ADR-50), all of it stored or nothing. The client library's own
 * batch drops the expected sequences (nats.js#434), so the headers are set here.
 */
import { RequestError, type NatsConnection } from '@nats-io/transport-node';
import { WRONG_LAST_SEQUENCE } from '../error-codes.ts';
import { headerLine, toHeaders } from '../wire/headers.ts';

/** A message of a batch. The first message of each guarded subject carries the guard. */
export type BatchMessage = {
  readonly subject: string;
  /** Header lines as they go over the wire. */
  readonly headers: string;
  readonly payload: Uint8Array;
  /**
   * Refuse the batch unless the last message on `subject` (wildcards allowed) is at `sequence`; 0: there is none.
   * It is asked for when the batch is sent: the message may be in the batch before, which has just been stored.
   */
  readonly guard?: { readonly subject: string; readonly sequence: () => number } | undefined;
};

export type AppendResult =
  /** Stored and synced; the messages have the positions `first`, `first + 1`, … */
  | { readonly type: 'stored'; readonly first: number }
  /** Nothing was stored: a guard did not hold. */
  | { readonly type: 'conflict'; readonly detail: string }
  /** The server refused for another reason, or did not answer: the batch may be stored or not. */
  | { readonly type: 'unknown'; readonly detail: string };

/**
 * Appends messages all or none, in one round trip.
 * @param batchId unique; stored with each message
 * @param after refuse them unless this is the last position of the log; the server knows that of the first message only
 */
export async function publishAtomically(
  nc: NatsConnection,
  messages: readonly BatchMessage[],
  options: { batchId: string; timeoutMs: number; after?: number },
): Promise<AppendResult> {
  const last = messages.length - 1;
  const { batchId: id, after } = options;
  const lines = (message: BatchMessage, index: number) =>
    message.headers + batchLines(message, { index, last, id, after });
  for (const [index, message] of messages.entries()) {
    if (index === last) break;
    nc.publish(message.subject, message.payload, { headers: toHeaders(lines(message, index)) });
  }
  const commit = messages[last];
  if (!commit) throw new Error('An append has at least one message');
  try {
    const reply = await nc.request(commit.subject, commit.payload, {
      headers: toHeaders(lines(commit, last)),
      timeout: options.timeoutMs,
    });
    return parseAcknowledgement(reply.string(), messages.length);
  } catch (error) {
    const cause = error instanceof RequestError && error.cause instanceof Error ? error.cause : error;
    return { type: 'unknown', detail: String(cause) };
  }
}

function batchLines(
  { guard }: BatchMessage,
  { index, last, id, after }: { index: number; last: number; id: string; after: number | undefined },
): string {
  let lines = '';
  if (after !== undefined && index === 0) lines += headerLine('Nats-Expected-Last-Sequence', String(after));
  if (guard) {
    lines += headerLine('Nats-Expected-Last-Subject-Sequence', String(guard.sequence()));
    lines += headerLine('Nats-Expected-Last-Subject-Sequence-Subject', guard.subject);
  }
  // A single message is an append of its own: the server need not stage a batch.
  if (last === 0) return lines;
  lines += headerLine('Nats-Batch-Id', id) + headerLine('Nats-Batch-Sequence', String(index + 1));
  return index === last ? lines + headerLine('Nats-Batch-Commit', '1') : lines;
}

function parseAcknowledgement(text: string, count: number): AppendResult {
  const reply = JSON.parse(text) as { seq?: number; error?: { err_code?: number; description?: string } };
  if (reply.error) {
    const detail = `${reply.error.err_code ?? 0} ${reply.error.description ?? ''}`;
    const conflict = WRONG_LAST_SEQUENCE.includes(reply.error.err_code ?? 0);
    return { type: conflict ? 'conflict' : 'unknown', detail };
  }
  if (reply.seq === undefined) return { type: 'unknown', detail: `not an acknowledgement: ${text}` };
  return { type: 'stored', first: reply.seq - count + 1 };
}
