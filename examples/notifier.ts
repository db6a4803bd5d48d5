/**
 * Writes one notification per completed transfer, each exactly once, whenever it is stopped and started again.
 *
 *   node examples/notifier.ts [notifications.ndjson]
 *
 * A durable consumer delivers at least once: what was not acknowledged comes again. The file remembers the log
 * position of each notification, so what comes again is known and skipped. That is the recipe for any subscriber:
 * keep the position where you keep the result, and write both at once.
 */
import { open } from 'node:fs/promises';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, nanos } from '@nats-io/transport-node';
import type { EventData } from '../contracts/events.ts';
import { eventSubject, streamName } from '../contracts/subjects.ts';

const ledger = process.env['LEDGER'] ?? 'main';
const path = process.argv[2] ?? 'notifications.ndjson';
const nc = await connect({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222', name: 'notifier' });

const file = await open(path, 'a+');
let done = await lastPosition();

const stream = streamName(ledger);
const durable = 'notifier';
const manager = await jetstreamManager(nc);
// Asking for the consumer that is there already changes nothing.
await manager.consumers.add(stream, {
  durable_name: durable,
  filter_subject: eventSubject(ledger, { aggregate: 'transfer', id: '*' }, 'completed'),
  deliver_policy: DeliverPolicy.All,
  ack_policy: AckPolicy.Explicit,
  // In order: what comes again comes before what is new.
  max_ack_pending: 1,
  // What a notifier that was killed had in hand comes again after this.
  ack_wait: nanos(5_000),
});
const consumer = await jetstream(nc).consumers.get(stream, durable);
const messages = await consumer.consume();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => messages.stop());
console.log(`Writing notifications to ${path}, from position ${done + 1} on. Ctrl-C ends.`);

for await (const message of messages) {
  if (message.seq > done) {
    const text = describe(message.json());
    const notification = { position: message.seq, transfer: message.headers?.get('ce-subject'), text };
    await file.appendFile(`${JSON.stringify(notification)}\n`);
    await file.sync();
    done = message.seq;
    console.log(text);
  }
  message.ack();
}
await file.close();
await nc.drain();

/** A transfer between two accounts, or one with entries of its own. */
function describe(data: EventData<'TransferCompleted'>): string {
  if (!('entries' in data)) return `${data.from} paid ${data.to} ${data.amount} ${data.currency}`;
  return data.entries
    .map(({ account, direction, amount, currency }) => {
      return `${account} ${direction === 'debit' ? 'paid' : 'got'} ${amount} ${currency}`;
    })
    .join(', ');
}

/** The position of the last whole line; half a line, left by a crash, is cut off. */
async function lastPosition(): Promise<number> {
  const text = await file.readFile('utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  await file.truncate(Buffer.byteLength(whole));
  const last = whole.trimEnd().split('\n').at(-1);
  return last ? (JSON.parse(last) as { position: number }).position : 0;
}
