/** A log as a stream gives it back: events of a test log as stored messages, and ways to tamper with them. */
import type { RecordedEvent } from '../../../contracts/events.ts';
import { aggregateSubject } from '../../../contracts/subjects.ts';
import { Audit, type Anchor } from '../../../eventlog/audit/audit.ts';
import type { Finding } from '../../../eventlog/audit/finding.ts';
import { encode, FIRST_HASH, hashOf, type StoredMessage } from '../../../eventlog/wire/codec.ts';

/** A stored message that can be altered. */
export type Stored = StoredMessage & { seq: number; data: Uint8Array; headers: Map<string, string> };

const LEDGER = 'test';

/** What the server would have stored for these events. */
export function storedMessages(events: readonly RecordedEvent[]): Stored[] {
  const ends = new Map<string, { version: number; hash: string; position: number }>();
  const guarded = new Set<string>();
  return events.map((event) => {
    const ref = { aggregate: event.aggregate, id: event.aggregateId };
    const subject = aggregateSubject(LEDGER, ref);
    const end = ends.get(subject) ?? { version: 0, hash: FIRST_HASH, position: 0 };
    const encoded = encode(LEDGER, {
      ...event,
      ref,
      // As the appender numbers them: each batch of a test log is one command.
      id: `${event.batch?.id}-${event.batch?.sequence}`,
      data: event.data,
      version: end.version + 1,
      previousHash: end.hash,
      after: event.position - 1,
      fingerprint: `fingerprint of ${event.id}`,
      idempotencyKey: 'a key',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    });
    ends.set(subject, { version: end.version + 1, hash: encoded.hash, position: event.position });
    const headers = headersOf(encoded.headers);
    if (!guarded.has(subject)) {
      headers.set('Nats-Expected-Last-Subject-Sequence', String(end.position));
      headers.set('Nats-Expected-Last-Subject-Sequence-Subject', subject);
    }
    guarded.add(subject);
    const { batch } = event;
    const alone = batch?.last === true && batch.sequence === 1;
    if (batch && !alone) {
      headers.set('Nats-Batch-Id', batch.id).set('Nats-Batch-Sequence', String(batch.sequence));
      if (batch.last) headers.set('Nats-Batch-Commit', '1');
    }
    if (batch?.last) guarded.clear();
    return { subject: encoded.stored, seq: event.position, data: encoded.payload, headers };
  });
}

function headersOf(lines: string): Map<string, string> {
  const pairs = lines.split('\r\n').filter((line) => line !== '');
  return new Map(pairs.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
}

/** Alters the data of one message, and leaves its hash. */
export function alterData(message: Stored, change: (data: Record<string, unknown>) => void): void {
  const data = JSON.parse(Buffer.from(message.data).toString()) as Record<string, unknown>;
  change(data);
  message.data = Buffer.from(JSON.stringify(data));
}

/** Makes all positions, versions and hashes anew, as a forger would. */
export function forge(messages: readonly Stored[]): Stored[] {
  const ends = new Map<string, { version: number; hash: string }>();
  return messages.map((message, index) => {
    const aggregate = message.subject.split('.').slice(2, 4).join('/');
    const end = ends.get(aggregate) ?? { version: 0, hash: FIRST_HASH };
    const headers = new Map(message.headers);
    headers
      .set('ce-version', String(end.version + 1))
      .set('ce-prevhash', end.hash)
      .set('ce-after', String(index));
    headers.delete('Nats-Expected-Last-Subject-Sequence');
    headers.delete('Nats-Expected-Last-Subject-Sequence-Subject');
    const forged = { ...message, seq: index + 1, headers };
    headers.set('ce-hash', hashOf(forged));
    ends.set(aggregate, { version: end.version + 1, hash: headers.get('ce-hash') ?? '' });
    return forged;
  });
}

/** Gives each message the position of its place. */
export function renumber(messages: readonly Stored[]): Stored[] {
  return messages.map((message, index) => ({ ...message, seq: index + 1 }));
}

/** A message whose hash fits, whatever it says. */
export function sealed(message: Stored): Stored {
  const headers = new Map(message.headers);
  headers.set('ce-hash', hashOf({ ...message, headers }));
  return { ...message, headers };
}

/** The first thing that an audit finds. */
export function audit(
  messages: readonly StoredMessage[],
  anchors: readonly Anchor[] = [],
): Finding | undefined {
  const running = new Audit({ ledger: 'test', anchors });
  for (const message of messages) {
    const { finding } = running.add(message);
    if (finding) return finding;
  }
  return running.end();
}

/** What an audit of these messages says to keep. */
export function anchorOf(messages: readonly StoredMessage[]): Anchor {
  const running = new Audit({ ledger: 'test' });
  for (const message of messages) running.add(message);
  return running.summary();
}
