/**
 * Events on the wire: CloudEvents 1.0 in NATS binary mode, with the ledger's own extensions. The headers `ce-prevhash`
 * and `ce-hash` chain the events of an aggregate: whoever alters, drops or reorders one breaks the chain.
 */
import { hash } from 'node:crypto';
import {
  EVENT_SUBJECTS,
  eventType,
  parseEventType,
  isOf,
  type EventData,
  type EventName,
  type RecordedEvent,
  type RecordOf,
} from '../../contracts/events.ts';
import {
  appendSubject,
  eventSubject,
  parseEventSubject,
  type Aggregate,
  type AggregateRef,
} from '../../contracts/subjects.ts';
import { upcast } from '../../contracts/upcasters.ts';
import { headerLine, type Headers } from './headers.ts';

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
  /** How far the log went before it, as far as the writer knew. */
  readonly after: number;
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
  /** Header lines as they go over the wire. */
  readonly headers: string;
  readonly payload: Uint8Array;
  readonly source: string;
  readonly hash: string;
};

/** A message as a stream gives it back. */
export type StoredMessage = {
  readonly subject: string;
  /** Its position in the log. */
  readonly seq: number;
  readonly data: Uint8Array;
  readonly headers: Headers;
};

/** The header names that are hashed, in this order. A header that is absent counts as an empty string. */
export const HASHED_HEADERS = [
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

type HashedHeaders = Readonly<Record<(typeof HASHED_HEADERS)[number], string>>;

/**
 * The hash of a message: SHA-256, hex, over its canonical form. That is a JSON array of the stored subject and the
 * hashed headers' values (`ce-after` last, if it is there), a line feed, and the data's bytes as they are stored. `ce-prevhash` is among the headers,
 * so each hash covers all that came before it.
 */
export function hashOf({ subject, headers, data }: Omit<StoredMessage, 'seq'>): string {
  const values = [subject, ...HASHED_HEADERS.map((name) => headers.get(name) ?? '')];
  const after = headers.get('ce-after');
  if (after !== undefined) values.push(after);
  return hash('sha256', Buffer.concat([Buffer.from(canonical(values)), data]));
}

function canonical(values: readonly string[]): string {
  return `${JSON.stringify(values)}\n`;
}

/** Makes the message of an event. */
export function encode(ledger: string, event: NewEvent): OutgoingMessage {
  const { token } = EVENT_SUBJECTS[event.name];
  const stored = eventSubject(ledger, event.ref, token);
  const data = JSON.stringify(event.data);
  const headers: HashedHeaders = {
    'ce-specversion': '1.0',
    'ce-id': event.id,
    'ce-source': `/ledgers/${ledger}`,
    'ce-type': eventType(event.name),
    'ce-subject': event.ref.id,
    'ce-time': event.time,
    datacontenttype: 'application/json',
    'ce-workflowid': event.workflowId,
    'ce-actor': oneLine(event.actor),
    'ce-idempotencykey': event.idempotencyKey ?? '',
    'ce-fingerprint': event.fingerprint,
    traceparent: oneLine(event.traceparent ?? ''),
    'ce-version': String(event.version),
    'ce-prevhash': event.previousHash,
  };
  const values = [stored];
  let lines = '';
  for (const name of HASHED_HEADERS) {
    const value = headers[name];
    values.push(value);
    if (value !== '') lines += headerLine(name, value);
  }
  values.push(String(event.after));
  lines += headerLine('ce-after', String(event.after));
  const hashed = hash('sha256', canonical(values) + data);
  const subject = appendSubject(ledger, event.ref, token);
  const source = headers['ce-source'];
  const headerLines = lines + headerLine('ce-hash', hashed);
  return { subject, stored, headers: headerLines, payload: Buffer.from(data), source, hash: hashed };
}

/** What comes from outside must not begin another header. */
function oneLine(value: string): string {
  return /[\r\n]|^\s|\s$/.test(value) ? value.replace(/[\r\n]+/g, ' ').trim() : value;
}

/**
 * Reads a stored message; an old version of an event as the newest.
 * @throws Error that names the position if the message is not an event that this version of Tallybook knows.
 */
export function decode(message: StoredMessage): RecordedEvent {
  const { subject, seq, data, headers } = message;
  const { aggregate, id } = parseEventSubject(subject);
  const type = parseEventType(text(headers, 'ce-type'));
  if (type === undefined)
    throw new Error(`Unknown event type "${text(headers, 'ce-type')}" at position ${seq}`);
  if (EVENT_SUBJECTS[type.name].aggregate !== aggregate)
    throw new Error(`${type.name} on a subject of another aggregate at position ${seq}: ${subject}`);
  const event: Record<keyof RecordedEvent, unknown> = {
    name: type.name,
    position: seq,
    subject,
    aggregate,
    aggregateId: id,
    id: text(headers, 'ce-id'),
    source: text(headers, 'ce-source'),
    type: eventType(type.name),
    time: text(headers, 'ce-time'),
    workflowId: text(headers, 'ce-workflowid'),
    actor: text(headers, 'ce-actor'),
    idempotencyKey: headers.get('ce-idempotencykey'),
    fingerprint: headers.get('ce-fingerprint'),
    traceparent: headers.get('traceparent'),
    version: Number(text(headers, 'ce-version')),
    previousHash: text(headers, 'ce-prevhash'),
    hash: text(headers, 'ce-hash'),
    batch: batchOf(headers),
    data: upcast(type, JSON.parse(toText(data)) as Record<string, unknown>),
  };
  return event as RecordedEvent;
}

/**
 * The same, of what was read from a subject of one kind of aggregate.
 * @throws Error as `decode`
 */
export function decodeOf<A extends Aggregate>(aggregate: A, message: StoredMessage): RecordOf<A> {
  const event = decode(message);
  if (isOf(event, aggregate)) return event;
  throw new Error(`Position ${message.seq} is no event of an aggregate "${aggregate}": ${message.subject}`);
}

function text(headers: Headers, name: string): string {
  return headers.get(name) ?? '';
}

function toText(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.length).toString();
}

/** The atomic batch that a stored message came in; undefined if it came alone. */
export function batchOf(headers: StoredMessage['headers']): RecordedEvent['batch'] {
  const id = headers.get('Nats-Batch-Id');
  if (id === undefined) return undefined;
  return { id, sequence: Number(headers.get('Nats-Batch-Sequence')), last: headers.has('Nats-Batch-Commit') };
}

/** The most messages that a server takes in one atomic batch. */
export const BATCH_MESSAGES_MAX = 1_000;
