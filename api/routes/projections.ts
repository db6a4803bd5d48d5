/** How far the read model's projections are, and what they keep apart. */
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { projectionList } from '../../contracts/projections.ts';
import type { ApiDependencies } from '../dependencies.ts';
import * as doc from '../http/openapi.ts';
import type { ApiEnv } from '../http/problem.ts';
import { queryTimeout } from '../queries/read-your-writes.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/projections',
  operationId: 'listProjections',
  tags: ['Operation'],
  summary: 'List projections',
  description:
    'Returns the projections of the read model: the position of each, and how far it is behind the log.',
  middleware: queryTimeout,
  responses: { 200: doc.json('All projections.', projectionList), ...doc.problems() },
});

/** The route of projections. */
export function projectionRoutes(deps: Pick<ApiDependencies, 'projections'>) {
  return new OpenAPIHono<ApiEnv>().openapi(list, async (c) =>
    c.json({ data: await deps.projections() }, 200),
  );
}
