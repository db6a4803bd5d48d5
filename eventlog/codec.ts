/**
 * Events on the wire: CloudEvents 1.0 in NATS binary mode, with the ledger's own extensions. The headers `ce-prevhash`
 * and `ce-hash` chain the events of an aggregate: whoever alters, drops or reorders one breaks the chain.
 */
import { createHash } from 'node:crypto';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import {
  EVENT_SUBJECTS,
  eventName,
  eventType,
  type EventData,
  type EventName,
  type RecordedEvent,
} from '../contracts/events.ts';
import { appendSubject, eventSubject, parseEventSubject, type AggregateRef } from '../contracts/subjects.ts';

/** The hash before an aggregate's first event. */
export const FIRST_HASH = '0'.repeat(64);

/** An event about to be appended: what happened, and where it stands in its aggregate's chain. */
export type NewEvent = {
  readonly ref: AggregateRef;
  readonly name: EventName;
  readonly data: EventData;
  readonly id: string;
  readonly time: string;
  readonly version: number;
  readonly previousHash: string;
  readonly workflowId: string;
  readonly actor: string;
  readonly fingerprint: string;
  readonly idempotencyKey?: string | undefined;
  readonly traceparent?: string | undefined;
};

/** A message to publish. `stored` is the subject that it will be stored under. */
export type OutgoingMessage = {
  readonly subject: string;
  readonly stored: string;
  readonly headers: MsgHdrs;
  readonly payload: Uint8Array;
  readonly hash: string;
};

/** A message as a stream gives it back. */
export type StoredMessage = {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
  readonly header: { get: (name: string) => string; has: (name: string) => boolean };
};

/** The header names that are hashed, in this order. A header that is absent counts as an empty string. */
const HASHED_HEADERS = [
  'ce-specversion',
  'ce-id',
  'ce-source',
  'ce-type',
  'ce-subject',
  'ce-time',
  'datacontenttype',
  'ce-workflowid',
  'ce-actor',
  'ce-idempotencykey',
  'ce-fingerprint',
  'traceparent',
  'ce-version',
  'ce-prevhash',
] as const;

/**
 * The hash of a message: SHA-256, hex, over its canonical form. That is a JSON array of the stored subject and the
 * hashed headers' values, a line feed, and the data's bytes as they are stored. `ce-prevhash` is among the headers,
 * so each hash covers all that came before it.
 */
export function hashOf(subject: string, header: StoredMessage['header'], data: Uint8Array): string {
  const values = HASHED_HEADERS.map((name) => (header.has(name) ? header.get(name) : ''));
  return createHash('sha256')
    .update(JSON.stringify([subject, ...values]))
    .update('\n')
    .update(data)
    .digest('hex');
}

/** Makes the message of an event. */
export function encode(ledger: string, event: NewEvent): OutgoingMessage {
  const { token } = EVENT_SUBJECTS[event.name];
  const stored = eventSubject(ledger, event.ref, token);
  const payload = Buffer.from(JSON.stringify(event.data));
  const header = headers();
  header.set('ce-specversion', '1.0');
  header.set('ce-id', event.id);
  header.set('ce-source', `/ledgers/${ledger}`);
  header.set('ce-type', eventType(event.name));
  header.set('ce-subject', event.ref.id);
  header.set('ce-time', event.time);
  header.set('datacontenttype', 'application/json');
  header.set('ce-workflowid', event.workflowId);
  header.set('ce-actor', event.actor);
  header.set('ce-fingerprint', event.fingerprint);
  header.set('ce-version', String(event.version));
  header.set('ce-prevhash', event.previousHash);
  if (event.idempotencyKey !== undefined) header.set('ce-idempotencykey', event.idempotencyKey);
  if (event.traceparent !== undefined) header.set('traceparent', event.traceparent);
  const hash = hashOf(stored, header, payload);
  header.set('ce-hash', hash);
  return { subject: appendSubject(ledger, event.ref, token), stored, headers: header, payload, hash };
}

/**
 * Reads a stored message.
 * @throws Error that names the position if the message is not an event of this version of Tallybook.
 */
export function decode(message: StoredMessage): RecordedEvent {
  const { subject, seq, data, header } = message;
  const text = (name: string) => (header.has(name) ? header.get(name) : '');
  const optional = (key: string, name: string) => (header.has(name) ? { [key]: header.get(name) } : {});
  const ref = parseEventSubject(subject);
  const name = eventName(text('ce-type'));
  if (name === undefined) throw new Error(`Unknown event type "${text('ce-type')}" at position ${seq}`);
  return {
    name,
    position: seq,
    subject,
    aggregate: ref.aggregate,
    aggregateId: ref.id,
    id: text('ce-id'),
    source: text('ce-source'),
    type: text('ce-type'),
    time: text('ce-time'),
    version: Number(text('ce-version')),
    previousHash: text('ce-prevhash'),
    hash: text('ce-hash'),
    workflowId: text('ce-workflowid'),
    actor: text('ce-actor'),
    ...optional('idempotencyKey', 'ce-idempotencykey'),
    ...optional('fingerprint', 'ce-fingerprint'),
    ...optional('traceparent', 'traceparent'),
    ...batchOf(text),
    data: JSON.parse(new TextDecoder().decode(data)) as EventData,
  } as RecordedEvent;
}

function batchOf(text: (name: string) => string): Pick<RecordedEvent, 'batch'> {
  const id = text('Nats-Batch-Id');
  if (id === '') return {};
  const sequence = Number(text('Nats-Batch-Sequence'));
  return { batch: { id, sequence, last: text('Nats-Batch-Commit') !== '' } };
}
