/** Bulk transfers: many in one request, carried out one after the other, each with its own outcome. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { bulkBody, bulkLine, bulkOutcomePage, bulkResource } from '../../../contracts/bulks.ts';
import { pageQuery } from '../../../contracts/http.ts';
import { findBulk, resultsPage, accepted, accept } from '../../bulks/bulks.ts';
import { readLines } from '../../bulks/lines.ts';
import { keyedMeta } from '../../commands/command-meta.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import { ProblemError, RETRY_AFTER, type ApiEnv } from '../../http/problem.ts';
import { queryTimeout } from '../../queries/read-your-writes.ts';

const create = createRoute({
  method: 'post',
  path: '/v1/bulk-transfers',
  operationId: 'createBulk',
  tags: ['Moving money'],
  summary: 'Create a bulk transfer',
  description:
    'Takes up to 10,000 transfers in at most 16 MB. If one line is invalid, none is accepted. Each line becomes a ' +
    'transfer of its own: a rejected transfer does not stop the others.',
  parameters: [
    doc.idempotencyKeyHeader(true, 'bulk-1'),
    { ...doc.preferHeader, description: 'Has no effect: the response is always 202.' },
  ],
  request: {
    body: {
      required: true,
      content: {
        'application/json': { schema: bulkBody },
        'application/x-ndjson': { schema: bulkLine.meta({ description: 'One transfer on each line.' }) },
      },
    },
  },
  responses: {
    202: doc.json('Accepted; will be carried out.', bulkResource, {
      ...doc.LOCATION,
      'Idempotency-Replayed': doc.COMMAND_HEADERS['Idempotency-Replayed'],
    }),
    ...doc.problems(
      'idempotency_key_missing',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
    ),
  },
});

const query = { method: 'get' as const, tags: ['Moving money'], middleware: queryTimeout };

const get = createRoute({
  ...query,
  path: '/v1/bulk-transfers/{id}',
  operationId: 'getBulk',
  summary: 'Get a bulk transfer',
  description: 'Returns the progress of the bulk transfer.',
  request: { params: doc.idParam },
  responses: {
    200: doc.json('The bulk transfer and its progress.', bulkResource),
    ...doc.problems('bulk_not_found'),
  },
});

const results = createRoute({
  ...query,
  path: '/v1/bulk-transfers/{id}/results',
  operationId: 'listBulkResults',
  summary: 'List the outcomes of a bulk transfer',
  description:
    'Returns the outcomes in the order of the lines. `next_cursor` is null after the last line only: while the bulk ' +
    'transfer runs, the cursor leads to outcomes that are not known yet.',
  request: { params: doc.idParam, query: z.object(pageQuery) },
  responses: {
    200: doc.json('A page of outcomes.', bulkOutcomePage),
    ...doc.problems('bulk_not_found', 'invalid_cursor'),
  },
});

/** The routes of bulk transfers. */
export function bulkRoutes(deps: ApiDependencies) {
  const routes = new OpenAPIHono<ApiEnv>();
  // It is described, but not validated by the description: ten thousand lines at once would hold everybody up.
  routes.openAPIRegistry.registerPath(create);
  routes.post(create.path, async (c) => {
    const { lines, digest } = await readLines(c);
    const { key, meta } = keyedMeta(c, deps, { route: 'POST /v1/bulk-transfers', body: digest });
    const { manifest, replayed } = await accept(deps.bulks, { key, meta, lines });
    c.header('Location', `/v1/bulk-transfers/${manifest.id}`);
    if (replayed) c.header('Idempotency-Replayed', 'true');
    return c.json(accepted(manifest), 202);
  });
  return routes
    .openapi(get, async (c) => {
      const { id } = c.req.valid('param');
      const bulk = await findBulk(deps.bulks, { id, now: deps.clock() });
      if (!bulk) throw notFound(id);
      if (bulk.position !== undefined) c.header('Ledger-Position', String(bulk.position));
      if (bulk.status === 'running') c.header('Retry-After', RETRY_AFTER);
      return c.json(bulk, 200);
    })
    .openapi(results, async (c) => {
      const { id } = c.req.valid('param');
      const page = await resultsPage(deps.bulks.store, id, c.req.valid('query'));
      if (!page) throw notFound(id);
      return c.json(page, 200);
    });
}

function notFound(id: string): ProblemError {
  return new ProblemError('bulk_not_found', { detail: `Bulk transfer ${id} does not exist.` });
}
