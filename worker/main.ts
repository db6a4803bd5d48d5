/** The worker as a process of its own: `npm run start:worker`. */
import { connectToNats } from '../eventlog/nats/connection.ts';
import { appenderMetrics } from '../metrics/appender-metrics.ts';
import { createMetrics } from '../metrics/registry.ts';
import { serveMetricsIfConfigured } from '../metrics/server.ts';
import { webhookMetrics } from '../metrics/webhook-metrics.ts';
import { createHttpRails } from '../rails/http-rail.ts';
import { readConfig } from '../runtime/config.ts';
import { main, runUntilSignalled, warn } from '../runtime/lifecycle.ts';
import { startDispatcher } from '../webhooks/dispatcher.ts';
import { connectToTemporal, quietTemporalLogs } from './connection.ts';
import { startWorker } from './worker.ts';

await main(async () => {
  const config = readConfig();
  quietTemporalLogs();
  const nc = await connectToNats(config.natsUrl, 'worker');
  const connection = await connectToTemporal(config.temporalAddress);
  const metrics = createMetrics();
  const worker = await startWorker({
    connection,
    nc,
    namespace: config.temporalNamespace,
    ledger: config.ledger,
    streamReplicas: config.streamReplicas,
    queueMax: config.queueMax,
    observer: appenderMetrics(metrics),
    payments: { ...config.rails, rails: createHttpRails(config.rails.urls) },
  });
  warn(worker.warnings);
  // Whoever runs the roles apart has webhooks without one more process; `start:webhooks` adds dispatchers elsewhere.
  const dispatcher = await startDispatcher({ ...config, nc, observer: webhookMetrics(metrics) });
  const metricsServer = await serveMetricsIfConfigured(metrics, config);
  console.log(`Working on the task queue "ledger" of ${config.temporalAddress}.`);
  runUntilSignalled(
    [
      { name: 'webhooks', close: dispatcher.close },
      { name: 'worker', close: worker.close },
      { name: 'metrics', close: metricsServer.close },
      { name: 'Temporal connection', close: () => connection.close() },
      { name: 'NATS connection', close: () => nc.drain() },
    ],
    [worker.stopped],
  );
});
