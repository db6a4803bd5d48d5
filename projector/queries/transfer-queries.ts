/** Answers queries about transfers and holds. Lists are ordered by where things began, which never changes. */
import type { Fragment } from 'postgres';
import type { Source } from './ask.ts';
import { listName } from './cursor.ts';
import { metadataFields, withLabels } from './labels.ts';
import { afterFirstPosition, pageOf, pagePosition } from './paging.ts';
import type { HoldFilter, PageRequest, TransferFilter } from './read-store.ts';
import { holdFromRow, transferFromRow, type HoldColumns, type TransferColumns } from './rows.ts';

/** The transfer with this id. */
export async function transfer({ db: { sql, table }, ask }: Source, id: string) {
  const [row] = await ask(sql<TransferColumns[]>`
    select *, (
      select json_agg(reversal.id order by reversal.first_position)
      from ${table('transfers')} as reversal
      where reversal.reverses = ${id} and reversal.status = 'posted'
    ) as reversals
    from ${table('transfers')} where id = ${id}`);
  return row && transferFromRow(row);
}

/**
 * A page of transfers. Either side of an account has its own index, and so have the accounts of entries: each of the
 * three gives its newest, and the newest of all are taken. No transfer is in two of them.
 */
export async function transfers({ db, ask }: Source, filter: TransferFilter, request: PageRequest) {
  const { sql, table } = db;
  const { account, status, reference, reverses, schedule, bulk, metadata } = filter;
  const fields = { account, status, reference, reverses, schedule, bulk, ...metadataFields(metadata) };
  const list = listName('transfers', fields);
  const before = pagePosition(list, request)?.position ?? Number.MAX_SAFE_INTEGER;
  const limit = request.limit + 1;
  const at = sql`transfer.first_position`;
  const newest = (of: Fragment) => sql`
    select transfer.* from ${table('transfers')} as transfer
    where ${at} < ${before} ${of}
      ${status === undefined ? sql`` : sql`and status = ${status}`}
      ${reference === undefined ? sql`` : sql`and reference = ${reference}`}
      ${reverses === undefined ? sql`` : sql`and reverses = ${reverses}`}
      ${schedule === undefined ? sql`` : sql`and schedule = ${schedule}`}
      ${bulk === undefined ? sql`` : sql`and bulk = ${bulk}`}
      ${withLabels(db, { kind: 'transfer', metadata, of: at, page: sql`< ${before}` })}
    order by ${at} desc limit ${limit}`;
  // Where the page begins is said again: Postgres does not conclude it.
  const named = () => sql`
    and exists (
      select from ${table('transaction_accounts')} as named
      where named.account = ${account ?? ''} and named.first_position = ${at} and named.first_position < ${before})`;
  const rows = await ask(
    account === undefined
      ? sql<TransferColumns[]>`${newest(sql``)}`
      : sql<TransferColumns[]>`
          select * from (
            (${newest(sql`and source = ${account}`)})
            union all
            (${newest(sql`and destination = ${account} and source <> ${account}`)})
            union all
            (${newest(named())})
          ) as all_sides
          order by first_position desc limit ${limit}`,
  );
  return pageOf(rows, request, { item: transferFromRow, cursor: afterFirstPosition(list) });
}

/** The hold with this id. */
export async function hold({ db, ask }: Source, id: string) {
  const [row] = await ask(db.sql<HoldColumns[]>`select * from ${db.table('holds')} where id = ${id}`);
  return row && holdFromRow(row);
}

/** A page of holds. */
export async function holds({ db, ask }: Source, filter: HoldFilter, request: PageRequest) {
  const { sql, table } = db;
  const { account, status, metadata } = filter;
  const list = listName('holds', { account, status, ...metadataFields(metadata) });
  const before = pagePosition(list, request)?.position ?? Number.MAX_SAFE_INTEGER;
  const rows = await ask(sql<HoldColumns[]>`
    select * from ${table('holds')} as hold
    where first_position < ${before}
      ${account === undefined ? sql`` : sql`and account = ${account}`}
      ${status === undefined ? sql`` : sql`and status = ${status}`}
      ${withLabels(db, { kind: 'hold', metadata, of: sql`hold.first_position`, page: sql`< ${before}` })}
    order by first_position desc limit ${request.limit + 1}`);
  return pageOf(rows, request, { item: holdFromRow, cursor: afterFirstPosition(list) });
}
