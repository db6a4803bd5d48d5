/** Queries about holds. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { holdPage, holdResource, holdStatus, minPosition, pageQuery } from '../../../contracts/http.ts';
import { id } from '../../../contracts/values.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { metadataFilter, metadataParameter } from '../../queries/metadata-filter.ts';
import { findHold, queryTimeout, reachPosition } from '../../queries/read-your-writes.ts';

const query = { method: 'get' as const, tags: ['Holds'], middleware: queryTimeout };

const list = createRoute({
  ...query,
  path: '/v1/holds',
  operationId: 'listHolds',
  parameters: [metadataParameter('holds')],
  summary: 'List holds',
  description: 'Returns the holds that match all filters, newest first.',
  request: {
    query: z.object({
      account: doc.filter(id, 'Only holds on this account.'),
      status: doc.filter(holdStatus, 'Only holds with this status.'),
      ...pageQuery,
      min_position: minPosition,
    }),
  },
  responses: {
    200: doc.json('A page of holds.', holdPage),
    ...doc.problems('invalid_cursor', 'position_not_reached'),
  },
});

const get = createRoute({
  ...query,
  path: '/v1/holds/{id}',
  operationId: 'getHold',
  summary: 'Get a hold',
  description: 'Returns the hold with its status and the amount captured.',
  request: { params: doc.idParam, query: z.object({ min_position: minPosition }) },
  responses: {
    200: doc.json('The hold.', holdResource),
    ...doc.problems('hold_not_found', 'position_not_reached'),
  },
});

/** The routes of queries about holds. */
export function holdRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(list, async (c) => {
      const { limit, cursor, min_position, ...fields } = c.req.valid('query');
      const filter = { ...fields, metadata: metadataFilter(c.req.queries()) };
      await reachPosition(deps.waitForPosition, min_position, 'transfers');
      return c.json(await deps.readStore.holds(filter, { limit, cursor }), 200);
    })
    .openapi(get, async (c) => {
      await reachPosition(deps.waitForPosition, c.req.valid('query').min_position, 'transfers');
      return c.json(await findHold(deps, c.req.valid('param').id), 200);
    });
}
