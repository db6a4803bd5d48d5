/** Answers queries from the read model in Postgres. Pages continue at a place, so they hold while rows are added. */
import { untouchedWorldAccount } from '../../messages/mapping/resources.ts';
import { positionQuery, statusFromRow, statusesQuery } from '../tables/checkpoint.ts';
import type { ReadModel } from '../tables/database.ts';
import { createAsk, type Source } from './ask.ts';
import { encodeCursor, listName } from './cursor.ts';
import { metadataFields, withLabels } from './labels.ts';
import { afterFirstPosition, pageOf, pagePosition } from './paging.ts';
import type { AccountFilter, PageRequest, ReadStore } from './read-store.ts';
import { accountFromRow, entryFromRow, type AccountColumns, type EntryColumns } from './rows.ts';
import { totals } from './total-queries.ts';
import { hold, holds, transfer, transfers } from './transfer-queries.ts';

/**
 * A read store on this database. Its queries throw ReadModelUnavailable when the database cannot be asked, and
 * InvalidCursor for a cursor of another list.
 */
export function createReadStore(db: ReadModel): ReadStore {
  const from: Source = { db, ask: createAsk() };
  return {
    async position(projection) {
      const [row] = await from.ask(positionQuery(db, projection));
      return Number(row?.position ?? 0);
    },
    projections: async () => (await from.ask(statusesQuery(db))).map(statusFromRow),
    account: (id) => account(from, id),
    accounts: (filter, request) => accounts(from, filter, request),
    transfer: (id) => transfer(from, id),
    transfers: (filter, request) => transfers(from, filter, request),
    hold: (id) => hold(from, id),
    holds: (filter, request) => holds(from, filter, request),
    statement: (id, range, request) => statement(from, { account: id, ...range }, request),
    totals: (id, range, request) => totals(from, { account: id, ...range }, request),
  };
}

async function account({ db, ask }: Source, id: string) {
  const [row] = await ask(db.sql<AccountColumns[]>`select * from ${db.table('accounts')} where id = ${id}`);
  return row ? accountFromRow(row) : untouchedWorldAccount(id);
}

async function accounts({ db, ask }: Source, filter: AccountFilter, request: PageRequest) {
  const { sql, table } = db;
  const { owner, status, currency, metadata } = filter;
  const list = listName('accounts', { owner, status, currency, ...metadataFields(metadata) });
  const after = pagePosition(list, request)?.position ?? 0;
  const rows = await ask(sql<AccountColumns[]>`
    select * from ${table('accounts')} as account
    where first_position > ${after}
      ${owner === undefined ? sql`` : sql`and owner = ${owner}`}
      ${status === undefined ? sql`` : sql`and status = ${status}`}
      ${currency === undefined ? sql`` : sql`and currency = ${currency}`}
      ${withLabels(db, { kind: 'account', metadata, of: sql`account.first_position`, page: sql`> ${after}` })}
    order by first_position limit ${request.limit + 1}`);
  return pageOf(rows, request, { item: accountFromRow, cursor: afterFirstPosition(list) });
}

async function statement(
  { db: { sql, table }, ask }: Source,
  filter: { account: string; from?: string | undefined; to?: string | undefined },
  request: PageRequest,
) {
  const list = listName('statement', filter);
  const after = pagePosition(list, request);
  const from = earliest(filter.from);
  const to = earliest(filter.to);
  const rows = await ask(sql<EntryColumns[]>`
    select position, transfer, direction, amount, currency, counterparty, kind, reference, balance, version, created_at
    from ${table('entries')}
    where account = ${filter.account}
      ${from === undefined ? sql`` : sql`and created_at >= ${from}::timestamptz`}
      ${to === undefined ? sql`` : sql`and created_at < ${to}::timestamptz`}
      ${after?.time === undefined ? sql`` : sql`and (created_at, position) > (${after.time}::timestamptz, ${after.position})`}
    order by created_at, position limit ${request.limit + 1}`);
  return pageOf(rows, request, {
    item: entryFromRow,
    cursor: (row) =>
      encodeCursor(list, { position: Number(row.position), time: row.created_at.toISOString() }),
  });
}

/** RFC 3339 has a year 0000, which Postgres refuses. Nothing happened in it. */
function earliest(time: string | undefined): string | undefined {
  return time?.startsWith('0000') ? '0001-01-01T00:00:00Z' : time;
}
