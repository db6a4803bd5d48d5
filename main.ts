/**
 * API and worker in one process, as `npm start` runs them. They share one connection to Temporal, so that the first
 * task of a workflow comes back with its start; and local outcomes, by which the worker hands the API what the log has.
 */
import { startApi } from './api/server.ts';
import { connectToNats } from './eventlog/nats/connection.ts';
import { createLocalOutcomes } from './messages/local-outcomes.ts';
import { appenderMetrics } from './metrics/appender-metrics.ts';
import { createMetrics } from './metrics/registry.ts';
import { webhookMetrics } from './metrics/webhook-metrics.ts';
import { createHttpRails } from './rails/http-rail.ts';
import { readConfig } from './runtime/config.ts';
import { main, runUntilSignalled, warn } from './runtime/lifecycle.ts';
import { startDispatcher } from './webhooks/dispatcher.ts';
import { connectToTemporal, quietTemporalLogs } from './worker/connection.ts';
import { startWorker } from './worker/worker.ts';

await main(async () => {
  const config = readConfig();
  quietTemporalLogs();
  const nc = await connectToNats(config.natsUrl, 'tallybook');
  const connection = await connectToTemporal(config.temporalAddress);
  const localOutcomes = createLocalOutcomes();
  const metrics = createMetrics();
  const shared = {
    ...config,
    connection,
    nc,
    board: localOutcomes,
    metrics,
    namespace: config.temporalNamespace,
  };
  const payments = { ...config.rails, rails: createHttpRails(config.rails.urls) };
  const worker = await startWorker({ ...shared, payments, observer: appenderMetrics(metrics) });
  warn(worker.warnings);
  const dispatcher = await startDispatcher({ ...shared, observer: webhookMetrics(metrics) });
  const api = await startApi(shared);
  console.log(`Tallybook answers at ${api.url}`);
  runUntilSignalled(
    [
      // First nobody can ask for more, then what was asked for is finished.
      { name: 'API', close: api.close },
      { name: 'webhooks', close: dispatcher.close },
      { name: 'worker', close: worker.close },
      { name: 'Temporal connection', close: () => connection.close() },
      { name: 'NATS connection', close: () => nc.drain() },
    ],
    [worker.stopped],
  );
});
