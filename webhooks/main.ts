/** Delivers to webhooks as a process of its own: `npm run start:webhooks`. As many as are wanted may run. */
import { connectToNats } from '../eventlog/nats/connection.ts';
import { openLog } from '../eventlog/nats/stream.ts';
import { createMetrics } from '../metrics/registry.ts';
import { serveMetricsIfConfigured } from '../metrics/server.ts';
import { webhookMetrics } from '../metrics/webhook-metrics.ts';
import { readConfig } from '../runtime/config.ts';
import { main, runUntilSignalled, warn } from '../runtime/lifecycle.ts';
import { startDispatcher } from './dispatcher.ts';

await main(async () => {
  const config = readConfig();
  const nc = await connectToNats(config.natsUrl, 'webhooks');
  const { warnings } = await openLog(nc, { ledger: config.ledger, replicas: config.streamReplicas });
  warn(warnings);
  const metrics = createMetrics();
  const metricsServer = await serveMetricsIfConfigured(metrics, config);
  const dispatcher = await startDispatcher({ ...config, nc, observer: webhookMetrics(metrics) });
  console.log(`Delivering the events of the ledger "${config.ledger}" to its webhooks.`);
  runUntilSignalled([
    { name: 'webhooks', close: dispatcher.close },
    { name: 'metrics', close: metricsServer.close },
    { name: 'NATS connection', close: () => nc.drain() },
  ]);
});
