/**
 * How rows of each table are written: as parts of one statement, from the rows of `moved`, which are none if the
 * position was elsewhere. The rows of a table travel as one JSON text: no escaping of our own, and as fast as arrays.
 * What changes is overwritten only by what is newer: an event that was parked is applied when later ones have been.
 */
import type { Fragment } from 'postgres';
import type { AccountRow } from '../projections/balances.ts';
import type { RowTable } from '../projections/projection.ts';
import type { ReadModel } from './database.ts';

export const WRITERS: Readonly<Record<RowTable, (db: ReadModel, rows: readonly object[]) => Fragment>> = {
  accounts,
  account_labels: (db, rows) => labelsIn('account_labels', db, rows),
  entries,
  transfers,
  transaction_accounts: transactionAccounts,
  labels: (db, rows) => labelsIn('labels', db, rows),
  holds,
  daily_totals: dailyTotals,
};

/** An account that has no row and gets no owner here breaks the not-null constraint, and so the statement. */
function accounts({ sql, table }: ReadModel, rows: readonly object[]) {
  // What was parked may be how an account of the world began: then its state is older, and its first position is right.
  const newest = ['status', 'posted', 'held', 'overdraft_limit', 'version'].map((name) => {
    const column = sql(name);
    return sql`
      ${column} = case when excluded.version > present.version then excluded.${column} else present.${column} end`;
  });
  const text = JSON.stringify(
    (rows as AccountRow[]).map(({ opening, ...state }) => ({ ...state, ...opening })),
  );
  return sql`
    insert into ${table('accounts')} as present (
      id, currency, status, posted, held, overdraft_limit, version, owner, metadata, created_at, first_position)
    select
      new.id, new.currency, new.status, new.posted, new.held, new.overdraft_limit, new.version,
      coalesce(old.owner, new.owner), coalesce(old.metadata, new.metadata),
      coalesce(old.created_at, new.created_at), least(old.first_position, new.first_position)
    from moved
    cross join json_to_recordset(${text}::text::json) as new(
      id text, currency text, status text, posted bigint, held numeric, overdraft_limit bigint,
      version bigint, owner text, metadata jsonb, created_at timestamptz, first_position bigint)
    left join ${table('accounts')} as old on old.id = new.id
    on conflict (id) do update set
      ${newest.reduce<Fragment>((columns, column) => sql`${columns} ${column},`, sql``)}
      first_position = excluded.first_position
    where excluded.version > present.version or excluded.first_position < present.first_position`;
}

/**
 * A transfer that has no row and no first position here breaks the not-null constraint. Nearly all have one event only,
 * and no row of theirs is looked for.
 */
function transfers({ sql, table }: ReadModel, rows: readonly object[]) {
  return sql`
    insert into ${table('transfers')} as present (
      id, kind, status, source, destination, amount, currency, entries, reference, metadata, reason,
      approval_expires_at, scheduled_for, rail, hold, reverses, reversed, schedule, bulk,
      created_at, completed_at, position, workflow_id, first_position)
    select
      id, kind, status, source, destination, amount, currency, entries, reference, metadata, reason,
      approval_expires_at, scheduled_for, rail, hold, reverses, reversed, schedule, bulk,
      created_at, completed_at, new.position, workflow_id, coalesce(
        first_position, (select old.first_position from ${table('transfers')} as old where old.id = new.id))
    from moved
    cross join json_to_recordset(${JSON.stringify(rows)}::text::json) as new(
      id text, kind text, status text, source text, destination text, amount numeric, currency text,
      entries jsonb, reference text, metadata jsonb, reason text, approval_expires_at text,
      scheduled_for text, rail text, hold text, reverses text, reversed numeric, schedule text, bulk text,
      created_at timestamptz, completed_at timestamptz, position bigint, workflow_id text,
      first_position bigint)
    on conflict (id) do update set
      kind = excluded.kind, status = excluded.status, source = excluded.source,
      destination = excluded.destination, amount = excluded.amount, currency = excluded.currency,
      entries = excluded.entries, reference = excluded.reference, metadata = excluded.metadata,
      reason = excluded.reason, approval_expires_at = excluded.approval_expires_at,
      scheduled_for = excluded.scheduled_for, rail = excluded.rail, hold = excluded.hold,
      reverses = excluded.reverses, reversed = excluded.reversed, schedule = excluded.schedule,
      bulk = excluded.bulk, created_at = excluded.created_at, completed_at = excluded.completed_at,
      position = excluded.position, workflow_id = excluded.workflow_id
    where excluded.position > present.position`;
}

function transactionAccounts({ sql, table }: ReadModel, rows: readonly object[]) {
  return sql`
    insert into ${table('transaction_accounts')} (account, first_position)
    select account, first_position
    from moved
    cross join json_to_recordset(${JSON.stringify(rows)}::text::json) as new(
      account text, first_position bigint)`;
}

function labelsIn(name: 'labels' | 'account_labels', { sql, table }: ReadModel, rows: readonly object[]) {
  return sql`
    insert into ${table(name)} (kind, label, first_position)
    select kind, label, first_position
    from moved
    cross join json_to_recordset(${JSON.stringify(rows)}::text::json) as new(
      kind text, label text, first_position bigint)`;
}

function entries({ sql, table }: ReadModel, rows: readonly object[]) {
  return sql`
    insert into ${table('entries')} (
      position, account, version, transfer, direction, amount, currency, counterparty, kind, reference,
      balance, created_at)
    select
      new.position, account, version, transfer, direction, amount, currency, counterparty, kind, reference,
      balance, created_at
    from moved
    cross join json_to_recordset(${JSON.stringify(rows)}::text::json) as new(
      position bigint, account text, version bigint, transfer text, direction text, amount numeric,
      currency text, counterparty text, kind text, reference text, balance bigint, created_at timestamptz)`;
}

/** As with transfers. */
function holds({ sql, table }: ReadModel, rows: readonly object[]) {
  return sql`
    insert into ${table('holds')} as present (
      id, account, amount, captured, currency, status, destination, reference, metadata, reason, transfer,
      expires_at, created_at, position, workflow_id, first_position)
    select
      id, account, amount, captured, currency, status, destination, reference, metadata, reason, transfer,
      expires_at, created_at, new.position, workflow_id, coalesce(
        first_position, (select old.first_position from ${table('holds')} as old where old.id = new.id))
    from moved
    cross join json_to_recordset(${JSON.stringify(rows)}::text::json) as new(
      id text, account text, amount numeric, captured numeric, currency text, status text, destination text,
      reference text, metadata jsonb, reason text, transfer text, expires_at text, created_at timestamptz,
      position bigint, workflow_id text, first_position bigint)
    on conflict (id) do update set
      account = excluded.account, amount = excluded.amount, captured = excluded.captured,
      currency = excluded.currency, status = excluded.status, destination = excluded.destination,
      reference = excluded.reference, metadata = excluded.metadata, reason = excluded.reason,
      transfer = excluded.transfer, expires_at = excluded.expires_at, created_at = excluded.created_at,
      position = excluded.position, workflow_id = excluded.workflow_id
    where excluded.position > present.position`;
}

/** Adds to what the day has; its closing balance is that after its last entry. */
function dailyTotals({ sql, table }: ReadModel, rows: readonly object[]) {
  return sql`
    insert into ${table('daily_totals')} as present (
      account, currency, day, debits, credits, count, closing_balance, position)
    select account, currency, day, debits, credits, count, closing_balance, new.position
    from moved
    cross join json_to_recordset(${JSON.stringify(rows)}::text::json) as new(
      account text, currency text, day date, debits numeric, credits numeric, count bigint,
      closing_balance bigint, position bigint)
    on conflict (account, day, currency) do update set
      debits = present.debits + excluded.debits, credits = present.credits + excluded.credits,
      count = present.count + excluded.count,
      closing_balance = case when excluded.position > present.position
        then excluded.closing_balance else present.closing_balance end,
      position = greatest(present.position, excluded.position)`;
}
