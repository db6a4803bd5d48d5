/** The API as a process of its own: `npm run start:api`. Its commands are carried out by workers elsewhere. */
import { Connection } from '@temporalio/client';
import { connectToNats } from '../eventlog/nats/connection.ts';
import { retryFor } from '../eventlog/nats/retry.ts';
import { createMetrics } from '../metrics/registry.ts';
import { readConfig } from '../runtime/config.ts';
import { main, runUntilSignalled } from '../runtime/lifecycle.ts';
import { startApi } from './server.ts';

await main(async () => {
  const config = readConfig();
  const nc = await connectToNats(config.natsUrl, 'api');
  const connection = await retryFor(
    { failure: `Temporal at ${config.temporalAddress} does not answer`, patienceMs: 10_000 },
    () => Connection.connect({ address: config.temporalAddress }),
  );
  const api = await startApi({
    ...config,
    connection,
    nc,
    metrics: createMetrics(),
    namespace: config.temporalNamespace,
  });
  console.log(`Tallybook answers at ${api.url}`);
  runUntilSignalled([
    { name: 'API', close: api.close },
    { name: 'Temporal connection', close: () => connection.close() },
    { name: 'NATS connection', close: () => nc.drain() },
  ]);
});
