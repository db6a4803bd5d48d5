/**
 * The peer of the bench: a worker and a minimal HTTP server. `POST /noop/eager` and `POST /noop/plain` run one no-op
 * workflow each, with and without eager start.
 * It has the same connection settings and slots as Tallybook's own worker, so that only the work differs.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { Hono } from 'hono';
import { readConfig } from '../../runtime/config.ts';
import { main, runUntilSignalled } from '../../runtime/lifecycle.ts';
import { connectToTemporal, quietTemporalLogs } from '../../worker/connection.ts';

await main(async () => {
  const config = readConfig();
  quietTemporalLogs();
  const connection = await connectToTemporal(config.temporalAddress);
  const worker = await Worker.create({
    connection,
    taskQueue: 'noop',
    workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)),
    maxConcurrentWorkflowTaskExecutions: 200,
  });
  const stopped = worker.run();
  const client = new Client({ connection });
  const app = new Hono();
  app.get('/readyz', (c) => c.text('ok'));
  for (const start of ['eager', 'plain']) {
    app.post(`/noop/${start}`, async (c) => {
      await c.req.json();
      const handle = await client.workflow.start('noop', {
        workflowId: `noop/${randomUUID()}`,
        taskQueue: 'noop',
        requestEagerStart: start === 'eager',
      });
      return c.json({ result: await handle.result() }, 201);
    });
  }
  const server = serve({ fetch: app.fetch, hostname: config.host, port: config.port });
  runUntilSignalled(
    [
      { name: 'HTTP', close: async () => void server.close() },
      {
        name: 'worker',
        close: async () => {
          worker.shutdown();
          await stopped;
        },
      },
      { name: 'Temporal connection', close: () => connection.close() },
    ],
    [stopped],
  );
});
