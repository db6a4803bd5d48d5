/** Serves the API over HTTP, with its dependencies built from real servers. */
import { randomUUID } from 'node:crypto';
import { serve, type ServerType } from '@hono/node-server';
import type { NatsConnection } from '@nats-io/transport-node';
import { Client, type ConnectionLike } from '@temporalio/client';
import type { OutcomeBoard } from '../contracts/outcome-board.ts';
import { positionSubject } from '../contracts/subjects.ts';
import { createBulkStore } from '../eventlog/bulk-store.ts';
import { createEventReader } from '../eventlog/reader.ts';
import { httpMetrics } from '../metrics/http-metrics.ts';
import { liveMetrics } from '../metrics/live-metrics.ts';
import { projectorMetrics } from '../metrics/projector-metrics.ts';
import type { Metrics } from '../metrics/registry.ts';
import { connectReadModel } from '../projector/database.ts';
import { createPositionWaiter } from '../projector/positions.ts';
import { createReadStore } from '../projector/postgres.ts';
import { createApp } from './app.ts';
import { createBulkWorkflows } from './bulk-workflows.ts';
import { createLive, type LiveLimits } from './live/live.ts';
import { createReadiness } from './readiness.ts';
import { createSchedules } from './temporal-schedules.ts';
import { createCommands } from './temporal.ts';

export type ApiOptions = {
  readonly connection: ConnectionLike;
  /** Given if a worker shares the connection: it tells there what the log has. */
  readonly board?: OutcomeBoard;
  readonly nc: NatsConnection;
  readonly metrics: Metrics;
  readonly namespace: string;
  readonly databaseUrl: string;
  readonly ledger: string;
  readonly host: string;
  readonly port: number;
  readonly rails: { readonly urls: Readonly<Record<string, string>>; readonly secret: string };
  /** Other limits of the live stream than it has by itself. */
  readonly live?: Partial<LiveLimits>;
};

/** Starts to listen. */
export async function startApi(options: ApiOptions): Promise<{ url: string; close: () => Promise<void> }> {
  const { connection, board, nc, metrics, namespace, databaseUrl, ledger, host, port, rails } = options;
  const client = new Client({ connection, namespace });
  const readModel = connectReadModel(databaseUrl, ledger);
  const readStore = createReadStore(readModel);
  const events = createEventReader(nc, ledger);
  const positions = createPositionWaiter(readStore.position);
  nc.subscribe(positionSubject(ledger, 'read-model'), {
    callback: (_, message) => positions.heard(Number(message.string())),
  });
  const live = createLive(events, {
    limits: options.live,
    observer: liveMetrics(metrics),
    tell: (line) => console.error(line),
  });
  const readiness = createReadiness({ client, events, readStore });
  projectorMetrics(metrics, async () => {
    const { dependencies, projector } = await readiness();
    return {
      log: dependencies.nats.ok ? (projector.last_position ?? undefined) : undefined,
      readModel: dependencies.read_model.ok ? (projector.position ?? undefined) : undefined,
    };
  });
  const app = createApp({
    ledger,
    natsServer: nc.getServer(),
    commands: createCommands(client, board),
    schedules: createSchedules(client),
    bulks: {
      store: createBulkStore(nc, ledger),
      workflows: createBulkWorkflows(client, board !== undefined),
    },
    rails: { names: Object.keys(rails.urls), secret: rails.secret },
    readStore,
    events,
    live,
    waitForPosition: positions.waitFor,
    readiness,
    metrics: { requested: httpMetrics(metrics), show: metrics.show },
    clock: () => new Date(),
    newId: randomUUID,
  });
  const server = await listen(app.fetch, host, port);
  return {
    url: `http://${host}:${port}`,
    async close() {
      // They would go on for ever.
      live.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        // Connections that wait for no answer would keep the server open.
        if ('closeIdleConnections' in server) server.closeIdleConnections();
      });
      await readModel.end();
    },
  };
}

function listen(
  fetch: Parameters<typeof serve>[0]['fetch'],
  hostname: string,
  port: number,
): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    // A client that does not finish what it began to ask must not keep a connection for minutes.
    const serverOptions = { requestTimeout: 30_000, headersTimeout: 10_000 };
    const server = serve({ fetch, hostname, port, serverOptions }, () => resolve(server));
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new Error(`Port ${port} (HTTP) is taken. Set PORT to another one.`) : error);
    });
  });
}
