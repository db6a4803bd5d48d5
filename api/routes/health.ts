/** Is it alive, is it ready, and what it measures. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { problem, readiness } from '../../contracts/http.ts';
import type { ApiDependencies } from '../dependencies.ts';
import * as doc from '../http/openapi.ts';
import { ProblemError, type ApiEnv } from '../http/problem.ts';
import { queryTimeout } from '../queries/read-your-writes.ts';

const live = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'getLiveness',
  tags: ['Operation'],
  summary: 'Check liveness',
  description: 'Responds as long as the process runs. Checks no dependency.',
  responses: { 200: doc.json('The process is alive.', z.object({ status: z.literal('ok') })) },
});

const ready = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'getReadiness',
  tags: ['Operation'],
  summary: 'Check readiness',
  description: 'Checks each dependency, and reports how far the read model is behind the log.',
  middleware: queryTimeout,
  responses: {
    200: doc.json('The API is ready.', readiness),
    ...doc.problems(),
    503: {
      description:
        '`dependency_unavailable`: A required service is unavailable. Includes the fields of the readiness.',
      content: { 'application/problem+json': { schema: problem.extend(readiness.partial().shape) } },
    },
  },
});

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  operationId: 'getMetrics',
  tags: ['Operation'],
  summary: 'Get the metrics',
  description: 'Returns the metrics of this process for Prometheus.',
  responses: {
    200: {
      description: 'The metrics in the Prometheus text format 0.0.4.',
      content: { 'text/plain': { schema: z.string() } },
    },
  },
});

/** The routes that those ask who run it. */
export function healthRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(live, (c) => c.json({ status: 'ok' as const }, 200))
    .openapi(ready, async (c) => {
      const state = await deps.readiness();
      if (!state.ready) throw new ProblemError('dependency_unavailable', { members: state });
      return c.json(state, 200);
    })
    .openapi(metrics, async (c) => {
      const { contentType, text } = await deps.metrics.show();
      return c.text(text, 200, { 'Content-Type': contentType });
    });
}
