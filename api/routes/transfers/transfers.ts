/** Queries about transfers. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import {
  minPosition,
  pageQuery,
  transferPage,
  transferResource,
  transferStatus,
} from '../../../contracts/http.ts';
import { id, reference } from '../../../contracts/values.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { metadataFilter, metadataParameter } from '../../queries/metadata-filter.ts';
import { findTransfer, queryTimeout, reachPosition } from '../../queries/read-your-writes.ts';

const query = { method: 'get' as const, tags: ['Transfers'], middleware: queryTimeout };

const list = createRoute({
  ...query,
  path: '/v1/transfers',
  operationId: 'listTransfers',
  parameters: [metadataParameter('transfers')],
  summary: 'List transfers',
  description: 'Returns the transfers that match all filters, newest first.',
  request: {
    query: z.object({
      account: doc.filter(id, 'Only transfers with an entry on this account.'),
      status: doc.filter(transferStatus, 'Only transfers with this status.'),
      reference: doc.filter(reference, 'Only transfers with this reference.'),
      reverses: doc.filter(id, 'Only reversals of this transfer.'),
      schedule: doc.filter(id, 'Only transfers that this schedule has made.'),
      bulk: doc.filter(id, 'Only transfers of this bulk transfer.'),
      ...pageQuery,
      min_position: minPosition,
    }),
  },
  responses: {
    200: doc.json('A page of transfers.', transferPage),
    ...doc.problems('invalid_cursor', 'position_not_reached'),
  },
});

const get = createRoute({
  ...query,
  path: '/v1/transfers/{id}',
  operationId: 'getTransfer',
  summary: 'Get a transfer',
  description: 'Returns the transfer with its status and, if it was reversed, its reversals.',
  request: { params: doc.idParam, query: z.object({ min_position: minPosition }) },
  responses: {
    200: doc.json('The transfer.', transferResource),
    ...doc.problems('transfer_not_found', 'position_not_reached'),
  },
});

/** The routes of queries about transfers. */
export function transferRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(list, async (c) => {
      const { limit, cursor, min_position, ...fields } = c.req.valid('query');
      const filter = { ...fields, metadata: metadataFilter(c.req.queries()) };
      await reachPosition(deps.waitForPosition, min_position, 'transfers');
      return c.json(await deps.readStore.transfers(filter, { limit, cursor }), 200);
    })
    .openapi(get, async (c) => {
      await reachPosition(deps.waitForPosition, c.req.valid('query').min_position, 'transfers');
      return c.json(await findTransfer(c, deps, c.req.valid('param')), 200);
    });
}
