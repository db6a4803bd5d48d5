/**
 * A read model of a large ledger, made in SQL: what matters here is how many rows there are, and how they are spread.
 * Some of each kind are everywhere (the account `fees`, the label `channel=web`), some are rare and long ago.
 */
import type { ReadModel } from '../../../projector/tables/database.ts';

export const TRANSFERS = 1_000_000;

/** Of accounts and of holds. */
const OTHERS = 200_000;

/** A transfer begins at every tenth position; between them lie the first events of an account, a hold, and entries. */
const STEP = 10;

/**
 * Fills an empty read model, and gathers statistics as the projector does. Indexes that are not those of a constraint
 * are made anew at the end, each in one go.
 */
export async function fill({ sql, schema }: ReadModel): Promise<void> {
  const indexes = await sql<{ name: string; definition: string }[]>`
    select indexname as name, indexdef as definition from pg_indexes
    where schemaname = ${schema} and indexname not like '%key'`;
  // All in one message is one transaction, and sent at once.
  await sql.unsafe(`
    set local statement_timeout = 0;
    set local maintenance_work_mem = '256MB';
    set local search_path to "${schema}";
    ${indexes.map(({ name }) => `drop index ${name};`).join('')}
    ${ACCOUNTS} ${TRANSFERS_SQL} ${TRANSACTION_ACCOUNTS} ${ENTRIES} ${HOLDS} ${TOTALS} ${LABELS}
    ${indexes.map(({ definition }) => `${definition};`).join('')}
    analyze accounts, account_labels, entries, transfers, transaction_accounts, labels, holds, daily_totals;`);
}

const ACCOUNTS = `
  insert into accounts (
    id, owner, currency, status, posted, held, overdraft_limit, version, metadata, created_at, first_position)
  select
    case n when 1 then 'fees' when 2 then 'sleeper' else 'account-' || n end, 'owner-' || n % 1000,
    case when n % 100 = 0 then 'USD' when n < 10 then 'CHF' else 'EUR' end,
    case when n % 5000 = 0 then 'closed' else 'open' end,
    n, 0, 0, 5, '{}', timestamptz '2026-01-01' + n * interval '1 second', n * ${STEP} + 1
  from generate_series(1, ${OTHERS}) as n;`;

const TRANSFERS_SQL = `
  insert into transfers (
    id, kind, status, source, destination, amount, currency, entries, reference, metadata, reverses, schedule, bulk,
    created_at, completed_at, position, workflow_id, first_position)
  select
    'tr-' || n, 'transfer',
    case when n % 50 = 0 then 'rejected' when n < 200 then 'awaiting_approval' else 'posted' end,
    case when n % 10 = 0 then null when n < 4 then 'sleeper' when n % 7 = 0 then 'fees'
      else 'account-' || n % 50000 end,
    case when n % 10 = 0 then null when n % 3 = 0 then 'fees' else 'account-' || (n + 1) % 50000 end,
    n, 'EUR', case when n % 10 = 0 then '[]'::jsonb end,
    case when n % 100 = 0 then 'rent' when n % 2 = 0 then 'reference-' || n end,
    '{}',
    case when n % 1000 = 0 then 'tr-7' when n % 1000 = 1 then 'tr-' || n - 1 end,
    case when n % 20 = 0 then 'daily' end,
    'bulk-' || n / 10000,
    timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-01-01' + n * interval '1 second',
    n * ${STEP}, 'transfer/tr-' || n, n * ${STEP}
  from generate_series(1, ${TRANSFERS}) as n;`;

const TRANSACTION_ACCOUNTS = `
  insert into transaction_accounts (account, first_position)
  select account, n * ${STEP}
  from generate_series(10, ${TRANSFERS}, 10) as n,
    lateral (values ('fees'), ('account-' || n % 50000)) as named(account);`;

const ENTRIES = `
  insert into entries (
    position, account, version, transfer, direction, amount, currency, counterparty, kind, reference, balance,
    created_at)
  select
    n * ${STEP} + 2, case when n % 3 = 0 then 'fees' else 'account-' || n % 50000 end, n, 'tr-' || n, 'credit', n,
    'EUR', 'sleeper', 'transfer', null, n, timestamptz '2026-01-01' + n * interval '1 second'
  from generate_series(1, ${TRANSFERS}) as n;`;

const HOLDS = `
  insert into holds (
    id, account, amount, captured, currency, status, metadata, created_at, position, workflow_id, first_position)
  select
    'hold-' || n, case when n < 4 then 'sleeper' when n % 3 = 0 then 'fees' else 'account-' || n % 50000 end,
    n, 0, 'EUR', case when n % 1000 = 0 then 'active' else 'captured' end, '{}',
    timestamptz '2026-01-01' + n * interval '1 second', n * ${STEP} + 3, 'hold/' || n, n * ${STEP} + 3
  from generate_series(1, ${OTHERS}) as n;`;

const TOTALS = `
  insert into daily_totals (account, currency, day, debits, credits, count, closing_balance, position)
  select
    case when n % 100 = 0 then 'fees' else 'account-' || n % 500 end, 'EUR', date '2020-01-01' + n / 100, n, n, 1, n,
    n * ${STEP} + 2
  from generate_series(1, ${OTHERS}) as n
  on conflict do nothing;`;

/** Half of all things came by the web and have an order each, one in twenty is of the region, the first are old. */
const labels = (table: string, kind: string, { count, shift }: { count: number; shift: number }) => `
  insert into ${table} (kind, label, first_position)
  select '${kind}', label, n * ${STEP} + ${shift}
  from generate_series(1, ${count}) as n, lateral (values
    ('channel=web', n % 2 = 0), ('order=' || n, n % 2 = 0), ('region=north', n % 20 = 7), ('age=old', n < 20)
  ) as written(label, is_there)
  where is_there;`;

const LABELS = [
  labels('labels', 'transfer', { count: TRANSFERS, shift: 0 }),
  labels('labels', 'hold', { count: OTHERS, shift: 3 }),
  labels('account_labels', 'account', { count: OTHERS, shift: 1 }),
].join('');
