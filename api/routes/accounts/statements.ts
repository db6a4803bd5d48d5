/** The statement of an account: its entries with the balance after each. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { accepts } from 'hono/accepts';
import { entryPage, minPosition, pageQuery, type EntryResource } from '../../../contracts/http.ts';
import { time } from '../../../contracts/values.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import { csv } from '../../http/csv.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { findAccount, queryTimeout, reachPosition } from '../../queries/read-your-writes.ts';

const JSON_TYPE = 'application/json';
const CSV_TYPE = 'text/csv';

const page = doc.json('A page of entries.', entryPage, doc.LINK);

const statement = createRoute({
  method: 'get',
  path: '/v1/accounts/{id}/statement',
  operationId: 'getStatement',
  tags: ['Accounts'],
  summary: 'Get the statement of an account',
  description:
    'Returns the entries of the account, oldest first, with the balance after each. As JSON or as CSV.',
  middleware: queryTimeout,
  request: {
    params: doc.idParam,
    query: z.object({
      from: doc.filter(time, 'Only entries at or after this time, RFC 3339 in UTC.'),
      to: doc.filter(time, 'Only entries before this time, RFC 3339 in UTC.'),
      ...pageQuery,
      min_position: minPosition,
    }),
  },
  responses: {
    200: { ...page, content: { ...page.content, [CSV_TYPE]: { schema: z.string() } } },
    ...doc.problems('invalid_cursor', 'account_not_found', 'position_not_reached'),
  },
});

/** The columns of the CSV, in order. */
const COLUMNS = [
  'position',
  'created_at',
  'transfer',
  'kind',
  'direction',
  'amount',
  'balance',
  'currency',
  'counterparty',
  'reference',
  'version',
] as const satisfies readonly (keyof EntryResource)[];

/** The route of statements. */
export function statementRoutes({ readStore, commands, waitForPosition }: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>().openapi(statement, async (c) => {
    const { id } = c.req.valid('param');
    const { from, to, limit, cursor, min_position } = c.req.valid('query');
    await reachPosition(waitForPosition, min_position, 'balances');
    const entries = await readStore.statement(id, { from, to }, { limit, cursor });
    // What has entries is an account.
    if (entries.data.length === 0) await findAccount({ readStore, commands }, id);
    c.header('Vary', 'Accept');
    if (entries.next_cursor !== null) c.header('Link', nextPage(c.req.url, entries.next_cursor));
    const type = accepts(c, { header: 'Accept', supports: [JSON_TYPE, CSV_TYPE], default: JSON_TYPE });
    if (type === JSON_TYPE) return c.json(entries, 200);
    const rows = entries.data.map((entry) => COLUMNS.map((column) => entry[column]));
    return c.body(csv([COLUMNS, ...rows]), 200, {
      'Content-Type': `${CSV_TYPE}; charset=utf-8; header=present`,
      'Content-Disposition': `attachment; filename="statement-${id}.csv"`,
    });
  });
}

/** CSV has no place for a cursor, so the next page is a link, as RFC 8288 writes it. */
function nextPage(url: string, cursor: string): string {
  const { pathname, searchParams } = new URL(url);
  searchParams.set('cursor', cursor);
  return `<${pathname}?${searchParams.toString()}>; rel="next"`;
}
