/** Answers queries about transfers and holds. Lists are ordered by where things began, which never changes. */
import type { Fragment } from 'postgres';
import type { Source } from './ask.ts';
import { listName } from './cursor.ts';
import { afterFirstPosition, pageOf, placeOf } from './paging.ts';
import type { PageRequest, ReadStore, TransferFilter } from './read-store.ts';
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

/** Which transfers, and by what they are ordered: as parts of a query. */
type Those = Readonly<Record<'from' | 'by' | 'where', Fragment>>;

/**
 * A page of transfers. Either side of an account has its own index, and so have the accounts of entries: each of the
 * three gives its newest, and the newest of all are taken. No transfer is in two of them.
 */
export async function transfers(
  { db: { sql, table }, ask }: Source,
  filter: TransferFilter,
  request: PageRequest,
) {
  const { account, status, reference, reverses, schedule, bulk } = filter;
  const list = listName('transfers', { account, status, reference, reverses, schedule, bulk });
  const before = placeOf(list, request)?.position ?? Number.MAX_SAFE_INTEGER;
  const limit = request.limit + 1;
  const newest = (those: Those) => sql`
    select transfer.* from ${those.from}
    where ${those.by} < ${before} ${those.where}
      ${status === undefined ? sql`` : sql`and status = ${status}`}
      ${reference === undefined ? sql`` : sql`and reference = ${reference}`}
      ${reverses === undefined ? sql`` : sql`and reverses = ${reverses}`}
      ${schedule === undefined ? sql`` : sql`and schedule = ${schedule}`}
      ${bulk === undefined ? sql`` : sql`and bulk = ${bulk}`}
    order by ${those.by} desc limit ${limit}`;
  const all = { from: sql`${table('transfers')} as transfer`, by: sql`transfer.first_position` };
  const withEntries = {
    // With the offset each is looked up by itself. Else Postgres may merge the two in their order, from the newest
    // transfer of all, and read on to where the page begins.
    from: sql`
      ${table('transaction_accounts')} as named cross join lateral (
        select * from ${table('transfers')} where first_position = named.first_position offset 0
      ) as transfer`,
    by: sql`named.first_position`,
  };
  const rows = await ask(
    account === undefined
      ? sql<TransferColumns[]>`${newest({ ...all, where: sql`` })}`
      : sql<TransferColumns[]>`
          select * from (
            (${newest({ ...all, where: sql`and source = ${account}` })})
            union all
            (${newest({ ...all, where: sql`and destination = ${account} and source <> ${account}` })})
            union all
            (${newest({ ...withEntries, where: sql`and named.account = ${account}` })})
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
export async function holds(
  { db: { sql, table }, ask }: Source,
  filter: Parameters<ReadStore['holds']>[0],
  request: PageRequest,
) {
  const { account, status } = filter;
  const list = listName('holds', { account, status });
  const before = placeOf(list, request)?.position ?? Number.MAX_SAFE_INTEGER;
  const rows = await ask(sql<HoldColumns[]>`
    select * from ${table('holds')}
    where first_position < ${before}
      ${account === undefined ? sql`` : sql`and account = ${account}`}
      ${status === undefined ? sql`` : sql`and status = ${status}`}
    order by first_position desc limit ${request.limit + 1}`);
  return pageOf(rows, request, { item: holdFromRow, cursor: afterFirstPosition(list) });
}
