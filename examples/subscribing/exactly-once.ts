import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import postgres from 'postgres';

const sql = postgres(process.env['DATABASE_URL'] ?? 'postgres://localhost/reports', { onnotice: () => {} });
await sql`CREATE TABLE IF NOT EXISTS turnover (account text PRIMARY KEY, received numeric NOT NULL)`;
await sql`CREATE TABLE IF NOT EXISTS progress (subscriber text PRIMARY KEY, position bigint NOT NULL)`;
await sql`INSERT INTO progress VALUES ('turnover', 0) ON CONFLICT DO NOTHING`;
const [progress] = await sql<{ position: string }[]>`
  SELECT position FROM progress WHERE subscriber = 'turnover'`;

const nc = await connect({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222' });
const consumer = await jetstream(nc).consumers.get('LEDGER_main', {
  filter_subjects: 'ledger.main.account.*.deposited',
  deliver_policy: DeliverPolicy.StartSequence,
  opt_start_seq: Number(progress?.position) + 1,
});
for await (const message of await consumer.consume()) {
  const { amount } = message.json<{ amount: string }>();
  const account = message.headers?.get('ce-subject') ?? '';
  await sql.begin(async (tx) => {
    // Whoever moves the position on has the event to itself: this program may run twice.
    const moved = await tx`
      UPDATE progress SET position = ${message.seq} WHERE subscriber = 'turnover' AND position < ${message.seq}`;
    if (moved.count === 0) return;
    await tx`
      INSERT INTO turnover VALUES (${account}, ${amount})
      ON CONFLICT (account) DO UPDATE SET received = turnover.received + excluded.received`;
  });
  console.log(`${message.seq} ${account} got ${amount}`);
}
