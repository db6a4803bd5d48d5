/** The daily totals of an account. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { minPosition, pageQuery } from '../../../contracts/http.ts';
import { dailyTotalsPage } from '../../../contracts/projections.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { findAccount, queryTimeout, reachPosition } from '../../queries/read-your-writes.ts';

const day = z.iso.date('must be a day such as 2026-11-23');

const totals = createRoute({
  method: 'get',
  path: '/v1/accounts/{id}/totals',
  operationId: 'getDailyTotals',
  tags: ['Accounts'],
  summary: 'Get the daily totals of an account',
  description:
    'Returns debits, credits and the closing balance of each day, oldest first. Days are in UTC, by the times of the events. Days without entries are left out.',
  middleware: queryTimeout,
  request: {
    params: doc.idParam,
    query: z.object({
      from: doc.filter(day, 'Only this day and later ones, in UTC.'),
      to: doc.filter(day, 'Only days before this one, in UTC.'),
      ...pageQuery,
      min_position: minPosition,
    }),
  },
  responses: {
    200: doc.json('A page of days.', dailyTotalsPage),
    ...doc.problems('invalid_cursor', 'account_not_found', 'position_not_reached'),
  },
});

/** The route of daily totals. */
export function totalRoutes({ readStore, commands, waitForPosition }: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>().openapi(totals, async (c) => {
    const { id } = c.req.valid('param');
    const { from, to, limit, cursor, min_position } = c.req.valid('query');
    await reachPosition(waitForPosition, min_position, 'totals');
    const page = await readStore.totals(id, { from, to }, { limit, cursor });
    // What has totals is an account. Of one that has none, only whether it is there is asked of the balances.
    if (page.data.length === 0) await findAccount({ readStore, commands }, id);
    return c.json(page, 200);
  });
}
