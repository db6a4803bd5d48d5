/** Postgres alone. `VARIANT` is `function`, or `interactive`: the statements of a transaction one by one. */
import postgres from 'postgres';
import { requireEnv, servePeer } from '../server.ts';
import { CURRENCY, type Outcome, type Peer, type Transfer } from '../transfers.ts';
import { countLedger, openLedger, poolOptions, type Sql } from './schema.ts';

/** See the README for how many. */
const sql: Sql = postgres(requireEnv('DATABASE_URL'), poolOptions(Number(requireEnv('POOL'))));

/** A connection between `begin` and `commit`. */
type Connection = postgres.TransactionSql<{ bigint: bigint }>;

const variants: Record<string, Pick<Peer, 'transfer' | 'transferMany'>> = {
  function: {
    transfer: async ({ key, source, destination, amount, currency }) => {
      const [row] = await sql<{ outcome: Outcome }[]>`
        select post_transfer(${key}, ${source}, ${destination}, ${amount}, ${currency}) as outcome`;
      return answered(row).outcome;
    },
    transferMany: async (transfers) => {
      const [row] = await sql<{ outcomes: Outcome[] }[]>`
        select post_transfers(
          ${transfers.map(({ key }) => key)}::text[], ${transfers.map(({ source }) => source)}::text[],
          ${transfers.map(({ destination }) => destination)}::text[],
          ${transfers.map(({ amount }) => `${amount}`)}::bigint[], ${CURRENCY}) as outcomes`;
      return answered(row).outcomes;
    },
  },
  interactive: {
    transfer: (transfer) => sql.begin((connection) => carryOut(connection, transfer)),
  },
};

/** Twice it asks and waits, besides `begin` and `commit`: statements that need no answer in between go together. */
async function carryOut(connection: Connection, transfer: Transfer): Promise<Outcome> {
  const { key, source, destination, amount, currency } = transfer;
  const [inserted, accounts] = await Promise.all([
    connection`
      insert into transfers (id, source, destination, amount, currency, status)
      values (${key}, ${source}, ${destination}, ${amount}, ${currency}, 'posted')
      on conflict do nothing returning id`,
    connection<{ id: string; balance: bigint }[]>`
      select id, balance from accounts
      where id in (${source}, ${destination}) and currency = ${currency} order by id for update`,
  ]);
  if (inserted.length === 0) {
    const [row] = await connection<{ status: Outcome }[]>`select status from transfers where id = ${key}`;
    return answered(row).status;
  }
  if (accounts.length !== 2) throw new Error('account_not_found');
  const available = accounts.find(({ id }) => id === source)?.balance ?? 0n;
  if (available < amount) {
    await connection`update transfers set status = 'insufficient_funds' where id = ${key}`;
    return 'insufficient_funds';
  }
  await Promise.all([
    connection`
      insert into entries (account, transfer, amount)
      values (${source}, ${key}, ${-amount}), (${destination}, ${key}, ${amount})`,
    connection`
      update accounts
      set balance = balance + case when id = ${source} then ${-amount}::bigint else ${amount}::bigint end
      where id in (${source}, ${destination})`,
  ]);
  return 'posted';
}

function answered<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new Error('Postgres gave no row.');
  return row;
}

const variant = requireEnv('VARIANT');
const how = variants[variant];
if (how === undefined) throw new Error(`There is no variant ${variant}.`);
servePeer({
  ...how,
  open: (accounts, funds) => openLedger(sql, accounts, funds),
  count: () => countLedger(sql),
  close: () => sql.end({ timeout: 5 }),
});
