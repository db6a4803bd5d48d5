import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const nc = await connect({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222' });
const manager = await jetstreamManager(nc);
// Asking again for a consumer that is there changes nothing.
await manager.consumers.add('LEDGER_main', {
  durable_name: 'mailer',
  filter_subject: 'ledger.main.transfer.*.completed',
  ack_policy: AckPolicy.Explicit,
  // One at a time: what comes again comes before what is new.
  max_ack_pending: 1,
});

const consumer = await jetstream(nc).consumers.get('LEDGER_main', 'mailer');
for await (const message of await consumer.consume()) {
  console.log(`${message.seq} ${message.headers?.get('ce-subject')} is posted`);
  message.ack();
}
