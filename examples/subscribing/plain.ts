import { connect } from '@nats-io/transport-node';

type Deposited = { amount: string; currency: string; balances: { posted: string; available: string } };

const nc = await connect({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222' });
for await (const message of nc.subscribe('ledger.main.account.*.deposited')) {
  const { amount, currency, balances } = message.json<Deposited>();
  const account = message.headers?.get('ce-subject');
  const position = message.headers?.get('Nats-Sequence');
  console.log(`${position} ${account} got ${amount} ${currency} and has ${balances.posted}`);
}
