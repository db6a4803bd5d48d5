/** How far the read model's projections are, and what they keep apart. */
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { projectionList } from '../../contracts/projections.ts';
import type { ApiDependencies } from '../dependencies.ts';
import * as doc from '../openapi.ts';
import type { ApiEnv } from '../problem.ts';
import { queryTimeout } from '../reading.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/projections',
  operationId: 'listProjections',
  tags: ['Operation'],
  summary: 'List the projections of the read model: where each is, and how far behind the log',
  middleware: queryTimeout,
  responses: { 200: doc.json('All of them.', projectionList), ...doc.problems() },
});

/** The route of projections. */
export function projectionRoutes(deps: Pick<ApiDependencies, 'projections'>) {
  return new OpenAPIHono<ApiEnv>().openapi(list, async (c) =>
    c.json({ data: await deps.projections() }, 200),
  );
}
