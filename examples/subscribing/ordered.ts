import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const account = process.argv[2] ?? 'alice';
const after = Number(process.argv[3] ?? 0);

const nc = await connect({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222' });
const consumer = await jetstream(nc).consumers.get('LEDGER_main', {
  name_prefix: 'ordered',
  filter_subjects: `ledger.main.account.${account}.>`,
  deliver_policy: DeliverPolicy.StartSequence,
  opt_start_seq: after + 1,
});
// Within these milliseconds it is noticed that the server has lost the consumer.
for await (const message of await consumer.consume({ expires: 5_000 })) {
  const { balances } = message.json<{ balances: { posted: string } }>();
  console.log(`${message.seq} version ${message.headers?.get('ce-version')}: ${balances.posted}`);
}
