import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const from = new Date(process.argv[2] ?? '2026-11-01');

const nc = await connect({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222' });
const consumer = await jetstream(nc).consumers.get('LEDGER_main', {
  filter_subjects: 'ledger.main.>',
  deliver_policy: DeliverPolicy.StartTime,
  opt_start_time: from.toISOString(),
});
const { num_pending: waiting } = await consumer.info();
if (waiting > 0) {
  for await (const message of await consumer.consume()) {
    console.log(`${message.seq} ${message.headers?.get('ce-time')} ${message.headers?.get('ce-type')}`);
    // That was all that there is by now. Without this line it goes on with what comes.
    if (message.info.pending === 0) break;
  }
}
await nc.drain();
