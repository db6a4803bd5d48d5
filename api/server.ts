/** Serves the API over HTTP, with its dependencies built from real servers. */
import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import { Client, type ConnectionLike } from '@temporalio/client';
import { createBulkStore } from '../bulks/store.ts';
import { positionSubject } from '../contracts/subjects.ts';
import { createEventReader } from '../eventlog/read/reader.ts';
import type { LocalOutcomes } from '../messages/local-outcomes.ts';
import { httpMetrics } from '../metrics/http-metrics.ts';
import { liveMetrics } from '../metrics/live-metrics.ts';
import { projectorMetrics } from '../metrics/projector-metrics.ts';
import type { Metrics } from '../metrics/registry.ts';
import { PROJECTION_NAMES } from '../projector/projections/projection.ts';
import { createPositionWaiter } from '../projector/queries/positions.ts';
import { createReadStore } from '../projector/queries/postgres.ts';
import type { ReadStore } from '../projector/queries/read-store.ts';
import { connectReadModel, PAGE_PLANS } from '../projector/tables/database.ts';
import { createWebhooks } from '../webhooks/service.ts';
import { createApp, type ApiDependencies } from './app.ts';
import { createLogGuard, type LogGuard } from './commands/log-guard.ts';
import { createClosing } from './http/closing.ts';
import { listen } from './http/listening.ts';
import { createLive, type LiveSettings } from './live/live.ts';
import { createProjections, createReadiness, logBehind, type ReadinessSources } from './readiness.ts';
import { createBulkWorkflows } from './temporal/bulks.ts';
import { createCommands } from './temporal/runner.ts';
import { createSchedules } from './temporal/schedules.ts';

export type ApiOptions = {
  readonly connection: ConnectionLike;
  /** Given if a worker shares the connection: it tells there what the log has. */
  readonly localOutcomes?: LocalOutcomes;
  readonly nc: NatsConnection;
  readonly metrics: Metrics;
  readonly namespace: string;
  readonly databaseUrl: string;
  readonly ledger: string;
  readonly host: string;
  readonly port: number;
  readonly rails: { readonly urls: Readonly<Record<string, string>>; readonly secret: string };
  /** Copies of what webhooks are kept in. */
  readonly streamReplicas: number;
  readonly webhooks: { readonly allowPrivate: boolean };
  /** Whether commands that come at the same time share a workflow. */
  readonly coalescing?: 'on' | 'off';
  /** Commands that may wait for a workflow that they share. */
  readonly queueMax?: number;
  /** What is to be different in the live stream: for tests. */
  readonly live?: Partial<LiveSettings>;
};

/** Starts to listen. */
export async function startApi(options: ApiOptions): Promise<{ url: string; close: () => Promise<void> }> {
  const { connection, localOutcomes, nc, metrics, namespace, databaseUrl, ledger, host, port, rails } =
    options;
  const { coalescing, queueMax = 10_000 } = options;
  const client = new Client({ connection, namespace });
  const readModel = connectReadModel(databaseUrl, ledger, {
    settings: PAGE_PLANS,
    // A Postgres that was killed may have lost the last positions that it had reached.
    closed: () => positions.forget(),
  });
  const readStore = createReadStore(readModel);
  const events = createEventReader(nc, ledger);
  const positions = positionsOf(nc, ledger, readStore);
  const live = createLive(events, {
    settings: options.live,
    observer: liveMetrics(metrics),
    tell: (line) => console.error(line),
  });
  const readiness = createReadiness({ client, events, readStore });
  projectorMetrics(metrics, async () => {
    const { dependencies, projector } = await readiness();
    return {
      log: dependencies.nats.ok ? (projector.last_position ?? undefined) : undefined,
      readModel: dependencies.read_model.ok ? (projector.position ?? undefined) : undefined,
      projections: projector.projections,
    };
  });
  const logGuard = logGuardOf(options, { events, readStore });
  const app = createApp({
    ledger,
    natsServer: nc.getServer(),
    commands: logGuard.commands(
      createCommands(client, localOutcomes, coalescing === 'off' ? 'off' : { queueMax }),
    ),
    schedules: createSchedules(client),
    webhooks: createWebhooks(nc, options),
    bulks: {
      store: createBulkStore(nc, ledger),
      workflows: createBulkWorkflows(client, localOutcomes !== undefined),
    },
    rails: { names: Object.keys(rails.urls), secret: rails.secret },
    readStore,
    events: logGuard.events(events),
    live,
    waitForPosition: positions.waitFor,
    readiness,
    projections: createProjections({ events, readStore }),
    metrics: { requested: httpMetrics(metrics), show: metrics.show },
    clock: () => new Date(),
    newId: randomUUID,
  });
  const server = await listen(app.fetch, { host, port });
  const closeServer = createClosing(server);
  return {
    url: `http://${host}:${port}`,
    async close() {
      // They would go on for ever.
      live.close();
      await closeServer();
      await readModel.end();
    },
  };
}

/** The read model remembers how far the log has gone. If that is further than it goes now, the writers are told too. */
function logGuardOf(
  { nc, ledger }: ApiOptions,
  { events, readStore }: Omit<ReadinessSources, 'client'>,
): LogGuard {
  return createLogGuard({
    async missing() {
      const behind = await logBehind(events, await readStore.projections());
      if (behind === undefined) return undefined;
      nc.publish(positionSubject(ledger, 'balances'), `${behind.position}`);
      return behind.why;
    },
    onReconnect(again) {
      void (async () => {
        for await (const { type } of nc.status()) if (type === 'reconnect') again();
      })();
    },
  });
}

/** Each projection tells its own position, and each query waits for the one that it reads. */
function positionsOf(
  nc: NatsConnection,
  ledger: string,
  readStore: ReadStore,
): { waitFor: ApiDependencies['waitForPosition']; forget: () => void } {
  const waiters = PROJECTION_NAMES.map((name) => {
    const waiter = createPositionWaiter(() => readStore.position(name));
    nc.subscribe(positionSubject(ledger, name), {
      callback: (_, message) => waiter.advance(Number(message.string())),
    });
    return { name, waiter };
  });
  return {
    async waitFor(position, timeoutMs, projection) {
      const relevant = waiters.filter(({ name }) => projection === undefined || name === projection);
      const reached = await Promise.all(relevant.map(({ waiter }) => waiter.waitFor(position, timeoutMs)));
      return reached.every(Boolean);
    },
    forget() {
      for (const { waiter } of waiters) waiter.forget();
    },
  };
}
