/** The projector as a process: follows the log and keeps the read model until it is told to stop. */
import { positionSubject } from '../contracts/subjects.ts';
import { connectToNats } from '../eventlog/nats/connection.ts';
import { openReaderGate } from '../eventlog/nats/reader-gate.ts';
import { openPatiently } from '../eventlog/nats/retry.ts';
import { openLog } from '../eventlog/nats/stream.ts';
import type { EventReader } from '../eventlog/read/event-reader.ts';
import { createEventReader } from '../eventlog/read/reader.ts';
import { projectorMetrics, type Positions } from '../metrics/projector-metrics.ts';
import { createMetrics } from '../metrics/registry.ts';
import { serveMetricsIfConfigured } from '../metrics/server.ts';
import { readConfig } from '../runtime/config.ts';
import { warn } from '../runtime/lifecycle.ts';
import { measureLag } from './queries/lag.ts';
import { runProjector } from './run/projector.ts';
import { limitReaders } from './run/readers.ts';
import { createRetryWhileUnreachable } from './run/retry.ts';
import { readStatuses } from './tables/checkpoint.ts';
import { connectReadModel, type ReadModel } from './tables/database.ts';
import { ensureSchema } from './tables/schema.ts';

/** How long the end may take, should a server not answer. */
const STOP_MAX_MS = 8_000;

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(name, () => stop.abort());
// `npm run start:projector` starts the process by `dev/run.mjs`, which may be killed. The channel to it must not keep this
// process alive.
process.channel?.unref();
stop.signal.addEventListener('abort', () => {
  // Nothing is lost: Postgres carries out what it was sent whole, or not at all.
  setTimeout(() => process.exit(1), STOP_MAX_MS).unref();
});

function tell(line: string): void {
  console.log(`${new Date().toISOString()} projector: ${line}`);
}

async function main(): Promise<void> {
  const config = readConfig();
  const { natsUrl, databaseUrl, ledger, streamReplicas, projectionsThatStop } = config;
  const nc = await connectToNats(natsUrl, 'tallybook-projector');
  const db = connectReadModel(databaseUrl, ledger);
  const metrics = createMetrics();
  const metricsServer = await serveMetricsIfConfigured(metrics, config);
  try {
    const { warnings } = await openLog(nc, { ledger, replicas: streamReplicas, tell });
    warn(warnings);
    const retryWhileUnreachable = createRetryWhileUnreachable(tell, stop.signal);
    const made = await retryWhileUnreachable(() => ensureSchema(db));
    if (made === undefined) return;
    if (made) tell(`Made the tables in the schema "${db.schema}".`);
    // Who reads can begin to while no worker is there.
    openReaderGate(nc);
    const log = createEventReader(nc, ledger);
    const announceAhead = async (position: number) => {
      nc.publish(positionSubject(ledger, 'balances'), `${position}`);
      await nc.flush();
    };
    const same = await retryWhileUnreachable(() =>
      openPatiently(nc, { what: 'the log', tell }, () => requireSameLog(db, log, announceAhead)),
    );
    if (!same) return;
    projectorMetrics(metrics, async () => positions(db, log));
    tell(`Following the log of the ledger "${ledger}".`);
    const limiting = limitReaders({ db, tell }, stop.signal);
    await runProjector(
      {
        db,
        log,
        announce: (projection, position) => nc.publish(positionSubject(ledger, projection), `${position}`),
        tell,
        stops: (projection) => projectionsThatStop.includes(projection),
      },
      stop.signal,
    );
    await limiting;
    tell('Stopped.');
  } finally {
    await Promise.allSettled([metricsServer.close(), nc.close(), db.end()]);
  }
}

/** What is not answered now is not known. */
async function positions(db: ReadModel, log: EventReader): Promise<Positions> {
  const [last, statuses] = await Promise.all([
    log.lastPosition().catch(() => undefined),
    readStatuses(db).catch(() => undefined),
  ]);
  const projections = await measureLag(statuses ?? [], { log, last });
  const readModel = statuses && Math.min(...statuses.map(({ position }) => position));
  return { log: last, readModel, projections };
}

/** A read model that is ahead of the log was folded from another one; it would show what never happened here. */
async function requireSameLog(
  db: ReadModel,
  log: EventReader,
  announce: (position: number) => Promise<void>,
): Promise<true> {
  const position = Math.max(...(await readStatuses(db)).map((status) => status.position));
  const last = await log.lastPosition();
  if (position > last) {
    // The writers hear it too: what they appended now would take the place of what is missing.
    await announce(position);
    throw new Error(
      `The read model is at position ${position}, but the log ends at ${last}: either the log has lost its end, or ` +
        'the read model was made from another log. In the first case restore the log. In the second drop the schema ' +
        `"${db.schema}" and start again, and it is made anew from this one.`,
    );
  }
  return true;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
