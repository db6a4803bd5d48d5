/** Answers queries about daily totals. */
import type { DailyTotals } from '../../contracts/projections.ts';
import type { Source } from './ask.ts';
import { encodeCursor, listName } from './cursor.ts';
import { pageOf, pagePosition } from './paging.ts';
import type { PageRequest } from './read-store.ts';

type Columns = Omit<DailyTotals, 'count'> & { readonly count: string };

/** A page of the days of an account, oldest first. */
export async function totals(
  { db: { sql, table }, ask }: Source,
  filter: { account: string; from?: string | undefined; to?: string | undefined },
  request: PageRequest,
) {
  const list = listName('totals', filter);
  const after = pagePosition(list, request)?.time;
  const rows = await ask(sql<Columns[]>`
    select to_char(day, 'YYYY-MM-DD') as day, currency, debits, credits, count, closing_balance
    from ${table('daily_totals')} as totals
    where account = ${filter.account}
      ${filter.from === undefined ? sql`` : sql`and day >= ${earliest(filter.from)}::text::date`}
      ${filter.to === undefined ? sql`` : sql`and day < ${earliest(filter.to)}::text::date`}
      ${after === undefined ? sql`` : sql`and day > ${after.slice(0, 10)}::text::date`}
    order by totals.day limit ${request.limit + 1}`);
  return pageOf(rows, request, {
    item: ({ count, ...row }): DailyTotals => ({ ...row, count: Number(count) }),
    cursor: ({ day }) => encodeCursor(list, { position: 0, time: `${day}T00:00:00.000Z` }),
  });
}

/** ISO 8601 has a year 0000, which Postgres refuses. Nothing happened in it. */
function earliest(day: string): string {
  return day.startsWith('0000') ? '0001-01-01' : day;
}
