/**
 * DBOS: a workflow per transfer, whose id is the idempotency key. `VARIANT` is `one-step`, the stored function of the
 * Postgres peer as one transaction, or `two-steps`: one transaction withdraws, another deposits.
 */
import { DBOS } from '@dbos-inc/dbos-sdk';
import postgres from 'postgres';
import { countLedger, openLedger, poolOptions, type Sql } from '../postgres/schema.ts';
import { requireEnv, servePeer } from '../server.ts';
import type { Outcome } from '../transfers.ts';
import { connection, transaction, useForTransactions } from './datasource.ts';

/** What a workflow is given: DBOS keeps it, so amounts are texts. */
type Request = Readonly<{
  key: string;
  source: string;
  destination: string;
  amount: string;
  currency: string;
}>;

const databaseUrl = requireEnv('DATABASE_URL');
const pool = Number(requireEnv('POOL'));
const sql: Sql = postgres(databaseUrl, poolOptions(pool));
useForTransactions(sql);

const post = transaction('post', async (request: Request): Promise<Outcome> => {
  const { key, source, destination, amount, currency } = request;
  const [row] = await connection()<{ outcome: Outcome }[]>`
    select post_transfer(${key}, ${source}, ${destination}, ${amount}, ${currency}) as outcome`;
  if (row === undefined) throw new Error('Postgres gave no row.');
  return row.outcome;
});

const withdraw = transaction('withdraw', async (request: Request): Promise<boolean> => {
  const { key, source, destination, amount, currency } = request;
  const taken = await connection()`
    with taken as (
      update accounts set balance = balance - ${amount}::bigint
      where id = ${source} and currency = ${currency} and balance >= ${amount}::bigint returning id
    ), line as (
      insert into entries (account, transfer, amount) select id, ${key}, -(${amount}::bigint) from taken
    ), noted as (
      insert into transfers (id, source, destination, amount, currency, status)
      select ${key}, id, ${destination}, ${amount}::bigint, ${currency}, 'withdrawn' from taken
    )
    select from taken`;
  return taken.length === 1;
});

/** Money that the destination cannot take goes back to where it came from. */
const deposit = transaction('deposit', async (request: Request, account: string): Promise<boolean> => {
  const { key, amount, currency } = request;
  const given = await connection()`
    with given as (
      update accounts set balance = balance + ${amount}::bigint
      where id = ${account} and currency = ${currency} returning id
    ), line as (
      insert into entries (account, transfer, amount) select id, ${key}, ${amount}::bigint from given
    ), noted as (
      update transfers set status = case when destination = ${account} then 'posted' else 'refunded' end
      where id = ${key} and exists (select from given)
    )
    select from given`;
  return given.length === 1;
});

const variants: Record<string, (request: Request) => Promise<Outcome>> = {
  'one-step': (request) => post(request),
  'two-steps': async (request) => {
    if (!(await withdraw(request))) return 'insufficient_funds';
    if (await deposit(request, request.destination)) return 'posted';
    await deposit(request, request.source);
    throw new Error('account_not_found');
  },
};

const variant = requireEnv('VARIANT');
const steps = variants[variant];
if (steps === undefined) throw new Error(`There is no variant ${variant}.`);
const workflow = DBOS.registerWorkflow(steps, { name: 'transfer' });
DBOS.setConfig({
  name: 'transfers',
  systemDatabaseUrl: databaseUrl.replace(/[^/]*$/, 'dbos_system'),
  systemDatabasePoolSize: pool,
  logLevel: 'error',
});
await DBOS.launch();
servePeer({
  open: (accounts, funds) => openLedger(sql, accounts, funds),
  transfer: async ({ amount, ...rest }) => {
    const handle = await DBOS.startWorkflow(workflow, { workflowID: rest.key })({
      ...rest,
      amount: `${amount}`,
    });
    return handle.getResult();
  },
  count: () => countLedger(sql),
  close: async () => {
    await DBOS.shutdown();
    await sql.end({ timeout: 5 });
  },
});
