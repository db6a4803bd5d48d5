import { AckPolicy, connect } from 'nats';

const nc = await connect({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222' });
const manager = await nc.jetstreamManager();
await manager.consumers.add('LEDGER_main', {
  durable_name: 'classic-mailer',
  filter_subject: 'ledger.main.transfer.*.completed',
  ack_policy: AckPolicy.Explicit,
  max_ack_pending: 1,
});

const consumer = await nc.jetstream().consumers.get('LEDGER_main', 'classic-mailer');
for await (const message of await consumer.consume()) {
  console.log(`${message.seq} ${message.headers?.get('ce-subject')} is posted`);
  message.ack();
}
