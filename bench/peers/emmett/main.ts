/**
 * Emmett on Postgres: a stream per transfer, and an inline projection that keeps the balances and refuses in the same
 * transaction as the append. The stream must be new, so a key moves money once.
 */
import { isExpectedVersionConflictError, type Event } from '@event-driven-io/emmett';
import {
  getPostgreSQLEventStore,
  type PostgreSQLProjectionDefinition,
} from '@event-driven-io/emmett-postgresql';
import pg from 'pg';
import { requireEnv, servePeer } from '../server.ts';
import { accountIds, CURRENCY, type Outcome, type Transfer } from '../transfers.ts';

type Movement = { source: string; destination: string; amount: string; currency: string };
type TransferEvent = Event<'MoneyTransferred' | 'TransferRejected', Movement>;

/** What Postgres says when a balance would go below zero. */
const CHECK_VIOLATION = '23514';

/** Both rows are locked in the order of account ids, then moved in the same statement. */
const MOVE = `
  with locked as (
    select id from balances where id in ($1, $2) and currency = $4 order by id for update
  )
  update balances set balance = balance + case when balances.id = $1 then -$3::bigint else $3::bigint end
  from locked where balances.id = locked.id`;

/** It has no name, and so none of the locks that guard a named projection while it is rebuilt. */
const balances: PostgreSQLProjectionDefinition<TransferEvent> = {
  canHandle: ['MoneyTransferred'],
  handle: async (events, { connection }) => {
    for (const { data } of events) {
      const values = [data.source, data.destination, data.amount, data.currency];
      const moved = await connection.client.query({ name: 'move', text: MOVE, values });
      if (moved.rowCount !== 2) throw new Error('account_not_found');
    }
  },
};

const connectionString = requireEnv('DATABASE_URL');
const pool = new pg.Pool({ connectionString, max: Number(requireEnv('POOL')) });
const store = getPostgreSQLEventStore(connectionString, {
  projections: [{ type: 'inline', projection: balances }],
  connectionOptions: { pool },
});
await store.schema.migrate();

async function transfer({ key, source, destination, amount, currency }: Transfer): Promise<Outcome> {
  const data = { source, destination, amount: `${amount}`, currency };
  try {
    await append(key, { type: 'MoneyTransferred', data });
    return 'posted';
  } catch (error) {
    if (isExpectedVersionConflictError(error)) return recorded(key);
    if (!isCheckViolation(error)) throw error;
  }
  try {
    await append(key, { type: 'TransferRejected', data });
    return 'insufficient_funds';
  } catch (error) {
    if (isExpectedVersionConflictError(error)) return recorded(key);
    throw error;
  }
}

async function append(key: string, event: TransferEvent): Promise<void> {
  await store.appendToStream<TransferEvent>(`transfer-${key}`, [event], { expectedStreamVersion: 0n });
}

/** The answer that the key got when it came first. */
async function recorded(key: string): Promise<Outcome> {
  const { events } = await store.readStream<TransferEvent>(`transfer-${key}`);
  return events[0]?.type === 'MoneyTransferred' ? 'posted' : 'insufficient_funds';
}

function isCheckViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === CHECK_VIOLATION;
}

servePeer({
  open: async (accounts, funds) => {
    await pool.query(`create table balances (id text primary key, currency text not null, opened_with bigint not null,
      balance bigint not null check (balance >= 0)) with (fillfactor = 50)`);
    await pool.query(
      'insert into balances select id, $2, $3::bigint, $3::bigint from unnest($1::text[]) as ids (id)',
      [accountIds(accounts), CURRENCY, `${funds}`],
    );
    await pool.query('vacuum analyze balances');
  },
  transfer,
  count: async () => {
    // What the events say is held against what the balances say.
    // Emmett sets how all of `pg` reads numbers, so they come as texts.
    const { rows } = await pool.query<Record<'transfers' | 'sum' | 'negative' | 'apart', string>>(`
      with moved as (
        select message_data ->> 'source' as source, message_data ->> 'destination' as destination,
          (message_data ->> 'amount')::bigint as amount
        from emt_messages where message_type = 'MoneyTransferred'
      ), changes as (
        select account, sum(amount) as change from (
          select source as account, -amount as amount from moved union all select destination, amount from moved
        ) as lines group by account
      )
      select (select count(*) from moved)::text as transfers, sum(balance)::text as sum,
        (count(*) filter (where balance < 0))::text as negative,
        (count(*) filter (where balance <> opened_with + coalesce(change, 0)))::text as apart
      from balances left join changes on changes.account = balances.id`);
    const [row] = rows;
    if (row === undefined) throw new Error('Nothing was counted.');
    if (row.apart !== '0')
      throw new Error(`The events of ${row.apart} accounts do not add up to their balances.`);
    return { transfers: Number(row.transfers), sum: BigInt(row.sum), negative: Number(row.negative) };
  },
  close: () => pool.end(),
});
