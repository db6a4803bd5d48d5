/**
 * Writes rows and moves the position in one statement, which Postgres carries out whole or not at all. A transaction
 * of several statements would do the same, but the driver (postgres 3.4) ends the process when it loses the
 * connection within one. The rows of a table travel as one JSON text: no escaping of our own, and as fast as arrays.
 */
import type { Rows } from './apply.ts';
import type { ReadModel } from './database.ts';

export type Step = { readonly projection: string; readonly from: number; readonly rows: Rows };

/**
 * Applies rows if the projection is where they begin, and moves it to where they end.
 * The update of the position comes first and locks: who comes second waits, and then finds it moved.
 * @returns false, with nothing written, if the projection is elsewhere
 */
export async function writeRows(db: ReadModel, { projection, from, rows }: Step): Promise<boolean> {
  const { sql, table } = db;
  const [written] = await sql<{ moved: boolean }[]>`
    with moved as (
      update ${table('projections')} set position = ${rows.position}
      where name = ${projection} and position = ${from}
      returning position
    ),
    written_accounts as (${accounts(db, rows)}),
    written_transfers as (${transfers(db, rows)}),
    written_transaction_accounts as (${transactionAccounts(db, rows)}),
    written_entries as (${entries(db, rows)}),
    written_holds as (${holds(db, rows)})
    select exists (select from moved) as moved`;
  return written?.moved === true;
}

/** An account that has no row and gets no owner here breaks the not-null constraint, and so the statement. */
function accounts({ sql, table }: ReadModel, rows: Rows) {
  const text = JSON.stringify(rows.accounts.map(({ opening, ...state }) => ({ ...state, ...opening })));
  return sql`
    insert into ${table('accounts')} (
      id, currency, status, posted, held, overdraft_limit, version, owner, metadata, created_at, first_position)
    select
      new.id, new.currency, new.status, new.posted, new.held, new.overdraft_limit, new.version,
      coalesce(old.owner, new.owner), coalesce(old.metadata, new.metadata),
      coalesce(old.created_at, new.created_at), coalesce(old.first_position, new.first_position)
    from moved
    cross join json_to_recordset(${text}::text::json) as new(
      id text, currency text, status text, posted bigint, held numeric, overdraft_limit bigint,
      version bigint, owner text, metadata jsonb, created_at timestamptz, first_position bigint)
    left join ${table('accounts')} as old on old.id = new.id
    on conflict (id) do update set
      status = excluded.status, posted = excluded.posted, held = excluded.held,
      overdraft_limit = excluded.overdraft_limit, version = excluded.version`;
}

/**
 * A transfer that has no row and no first position here breaks the not-null constraint. Nearly all have one event only,
 * and no row of theirs is looked for.
 */
function transfers({ sql, table }: ReadModel, rows: Rows) {
  return sql`
    insert into ${table('transfers')} (
      id, kind, status, source, destination, amount, currency, entries, reference, metadata, reason,
      approval_expires_at, scheduled_for, rail, hold, reverses, reversed, schedule, bulk,
      created_at, completed_at, position, workflow_id, first_position)
    select
      id, kind, status, source, destination, amount, currency, entries, reference, metadata, reason,
      approval_expires_at, scheduled_for, rail, hold, reverses, reversed, schedule, bulk,
      created_at, completed_at, new.position, workflow_id, coalesce(
        first_position, (select old.first_position from ${table('transfers')} as old where old.id = new.id))
    from moved
    cross join json_to_recordset(${JSON.stringify(rows.transfers)}::text::json) as new(
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
      position = excluded.position, workflow_id = excluded.workflow_id`;
}

function transactionAccounts({ sql, table }: ReadModel, rows: Rows) {
  return sql`
    insert into ${table('transaction_accounts')} (account, first_position)
    select account, first_position
    from moved
    cross join json_to_recordset(${JSON.stringify(rows.transactionAccounts)}::text::json) as new(
      account text, first_position bigint)`;
}

function entries({ sql, table }: ReadModel, rows: Rows) {
  return sql`
    insert into ${table('entries')} (
      position, account, version, transfer, direction, amount, currency, counterparty, kind, reference,
      balance, created_at)
    select
      new.position, account, version, transfer, direction, amount, currency, counterparty, kind, reference,
      balance, created_at
    from moved
    cross join json_to_recordset(${JSON.stringify(rows.entries)}::text::json) as new(
      position bigint, account text, version bigint, transfer text, direction text, amount numeric,
      currency text, counterparty text, kind text, reference text, balance bigint, created_at timestamptz)`;
}

/** As with transfers. */
function holds({ sql, table }: ReadModel, rows: Rows) {
  return sql`
    insert into ${table('holds')} (
      id, account, amount, captured, currency, status, destination, reference, metadata, reason, transfer,
      expires_at, created_at, position, workflow_id, first_position)
    select
      id, account, amount, captured, currency, status, destination, reference, metadata, reason, transfer,
      expires_at, created_at, new.position, workflow_id, coalesce(
        first_position, (select old.first_position from ${table('holds')} as old where old.id = new.id))
    from moved
    cross join json_to_recordset(${JSON.stringify(rows.holds)}::text::json) as new(
      id text, account text, amount numeric, captured numeric, currency text, status text, destination text,
      reference text, metadata jsonb, reason text, transfer text, expires_at text, created_at timestamptz,
      position bigint, workflow_id text, first_position bigint)
    on conflict (id) do update set
      account = excluded.account, amount = excluded.amount, captured = excluded.captured,
      currency = excluded.currency, status = excluded.status, destination = excluded.destination,
      reference = excluded.reference, metadata = excluded.metadata, reason = excluded.reason,
      transfer = excluded.transfer, expires_at = excluded.expires_at, created_at = excluded.created_at,
      position = excluded.position, workflow_id = excluded.workflow_id`;
}
