/** The worker as a process of its own: `npm run start:worker`. */
import { readConfig } from '../config.ts';
import { connectToNats } from '../eventlog/connection.ts';
import { main, runUntilSignalled, warn } from '../lifecycle.ts';
import { appenderMetrics } from '../metrics/appender-metrics.ts';
import { createMetrics } from '../metrics/registry.ts';
import { serveMetricsIfAsked } from '../metrics/server.ts';
import { createHttpRails } from '../rails/http-rail.ts';
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
  const metricsServer = await serveMetricsIfAsked(metrics, config);
  console.log(`Working on the task queue "ledger" of ${config.temporalAddress}.`);
  runUntilSignalled(
    [
      { name: 'worker', close: worker.close },
      { name: 'metrics', close: metricsServer.close },
      { name: 'Temporal connection', close: () => connection.close() },
      { name: 'NATS connection', close: () => nc.drain() },
    ],
    [worker.stopped],
  );
});
