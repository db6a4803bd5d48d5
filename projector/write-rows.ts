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
export async function writeRows(
  { sql, table }: ReadModel,
  { projection, from, rows }: Step,
): Promise<boolean> {
  const [written] = await sql<{ moved: boolean }[]>`
    with moved as (
      update ${table('projections')} set position = ${rows.position}
      where name = ${projection} and position = ${from}
      returning position
    ),
    written_accounts as (
      -- An account that has no row and gets no owner here breaks the not-null constraint, and so the statement.
      insert into ${table('accounts')} (
        id, currency, status, posted, held, overdraft_limit, version, owner, metadata, created_at, first_position)
      select
        new.id, new.currency, new.status, new.posted, new.held, new.overdraft_limit, new.version,
        coalesce(old.owner, new.owner), coalesce(old.metadata, new.metadata),
        coalesce(old.created_at, new.created_at), coalesce(old.first_position, new.first_position)
      from moved
      cross join json_to_recordset(${accountsText(rows)}::text::json) as new(
        id text, currency text, status text, posted bigint, held bigint, overdraft_limit bigint,
        version bigint, owner text, metadata jsonb, created_at timestamptz, first_position bigint)
      left join ${table('accounts')} as old on old.id = new.id
      on conflict (id) do update set
        status = excluded.status, posted = excluded.posted, held = excluded.held,
        overdraft_limit = excluded.overdraft_limit, version = excluded.version
    ),
    written_transfers as (
      insert into ${table('transfers')} (
        id, kind, status, source, destination, amount, currency, reference, metadata, reason,
        created_at, completed_at, position, workflow_id)
      select
        id, kind, status, source, destination, amount, currency, reference, metadata, reason,
        created_at, completed_at, new.position, workflow_id
      from moved
      cross join json_to_recordset(${JSON.stringify(rows.transfers)}::text::json) as new(
        id text, kind text, status text, source text, destination text, amount bigint, currency text,
        reference text, metadata jsonb, reason text, created_at timestamptz, completed_at timestamptz,
        position bigint, workflow_id text)
    ),
    written_entries as (
      insert into ${table('entries')} (
        position, account, version, transfer, direction, amount, currency, counterparty, kind, reference,
        balance, created_at)
      select
        new.position, account, version, transfer, direction, amount, currency, counterparty, kind, reference,
        balance, created_at
      from moved
      cross join json_to_recordset(${JSON.stringify(rows.entries)}::text::json) as new(
        position bigint, account text, version bigint, transfer text, direction text, amount bigint,
        currency text, counterparty text, kind text, reference text, balance bigint, created_at timestamptz)
    )
    select exists (select from moved) as moved`;
  return written?.moved === true;
}

function accountsText({ accounts }: Rows): string {
  return JSON.stringify(accounts.map(({ opening, ...state }) => ({ ...state, ...opening })));
}
