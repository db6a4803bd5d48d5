/** A Tallybook whose every part is a process of its own, on free ports and in a folder of its own, to be broken. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../dev/errors.ts';
import { NODE_FLAGS } from '../dev/node-flags.ts';
import { startChild, type Child } from '../dev/servers/child-process.ts';
import { freePort } from '../dev/servers/ports.ts';
import { waitUntilServing } from '../dev/servers/ready.ts';
import { startNats, startReadModel, startTemporal } from '../dev/servers/servers.ts';
import { ownerUrl } from '../postgres/urls.ts';
import { Parts, type Ended, type EndedByItself } from './parts.ts';

const PROJECT = fileURLToPath(new URL('../', import.meta.url));

export const NATS_PASSWORD = 'chaos';
export const LEDGER = 'main';

/** Where the servers are. */
export type Urls = {
  /** With user and password. */
  readonly nats: string;
  /** `host:port` */
  readonly temporal: string;
  readonly database: string;
};

export type Place = {
  /** Servers keep their data below it, and logs are in `logs/`. */
  readonly dataDir: string;
  /** The password that the NATS user `tallybook` must have. */
  readonly natsPassword: string;
};

/** Servers that a scenario starts in its own way. */
export type OwnServers = {
  /** Where they are; a server that is named here is not started by the system. */
  readonly urls: Partial<Urls>;
  /**
   * How each process is started, by its name (`nats-1`). Resolves when it serves. All are started at the same time; each
   * is called again whenever the part is started again.
   */
  readonly parts: Readonly<Record<string, () => Promise<Child>>>;
  /** Called when all parts have ended. */
  readonly close?: () => Promise<void>;
};

/** Something that stands between Tallybook's processes and the servers. */
export type Between = {
  /** What the processes are told instead. */
  readonly urls: Partial<Urls>;
  readonly close: () => Promise<void>;
};

export type SystemNeeds = {
  /** Worker processes: `worker-1`, `worker-2`… */
  readonly workers: number;
  /** Environment variables for api, workers and projector. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the clocks of api, workers and projector can be moved. */
  readonly movableClocks?: boolean;
  /** Starts servers in another way. */
  readonly servers?: (place: Place) => Promise<OwnServers>;
  /** Is handed where the servers really are; called once, when they run. */
  readonly between?: (urls: Urls, place: Place) => Promise<Between>;
};

/** Parts: `nats`, `temporal`, `read-model`, `api`, `projector`, `worker-1`…, and those of `OwnServers`. */
export type System = {
  readonly dataDir: string;
  /** The HTTP API. */
  readonly url: string;
  /** Where the servers really are, with nothing between. */
  readonly urls: Urls;
  /** All parts, in the order in which they were started. */
  readonly parts: readonly string[];
  readonly workers: readonly string[];
  readonly pid: (part: string) => number;
  readonly isRunning: (part: string) => boolean;
  /** The end of what the part has logged in this run. */
  readonly logTail: (part: string) => string;
  /** Where the part serves `/metrics`: projector and workers have ports of their own. */
  readonly metricsUrl: (part: string) => string | undefined;
  /** Sends a signal to the part's whole process group (SIGSTOP, SIGCONT); it is not waited for. */
  readonly signal: (part: string, signal: NodeJS.Signals) => void;
  /** SIGKILL to the process group; resolves when it has ended. It stays down until `start`. */
  readonly kill: (part: string) => Promise<void>;
  /** SIGTERM; resolves when it has ended by itself, or was killed after 20 s. It stays down until `start`. */
  readonly stop: (part: string) => Promise<Ended>;
  /** Starts what is down. Servers serve when it resolves; api, workers and projector run, but may not be ready. */
  readonly start: (part: string) => Promise<void>;
  /** Moves the clock of a part (api, projector, worker) from now on; 0 puts it right. Needs `movableClocks`. */
  readonly moveClock: (part: string, milliseconds: number) => void;
  /** Resolves when the API says that everything is ready. */
  readonly ready: () => Promise<void>;
  /** Parts that ended though nobody asked them to, in order. */
  readonly endedByThemselves: readonly EndedByItself[];
  /** Ends all parts in order. The data stay. */
  readonly close: () => Promise<void>;
  /** Removes the data, when it is closed. */
  readonly remove: () => Promise<void>;
};

/** @throws Error when something does not get ready; everything is ended then. */
export async function startSystem(needs: SystemNeeds): Promise<System> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallybook-chaos-'));
  const place: Place = { dataDir, natsPassword: NATS_PASSWORD };
  const parts = new Parts();
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    await parts.close();
    for (const closer of closers.splice(0)) await closer();
  };
  try {
    const urls = await startServers(needs, { place, parts, closers });
    const between = await needs.between?.(urls, place);
    if (between) closers.push(between.close);
    const roles = await startRoles(needs, { place, parts, told: { ...urls, ...between?.urls } });
    return {
      dataDir,
      urls,
      ...roles,
      parts: parts.names,
      pid: (part) => parts.child(part).pid,
      isRunning: (part) => parts.isRunning(part),
      logTail: (part) => (parts.isRunning(part) ? parts.child(part).logTail() : ''),
      signal: (part, signal) => parts.signal(part, signal),
      kill: (part) => parts.kill(part),
      stop: (part) => parts.stop(part),
      start: (part) => parts.start(part),
      ready: () => waitUntilServing(roles.url, () => {}),
      endedByThemselves: parts.endedByThemselves,
      close,
      remove: () => rm(dataDir, { recursive: true, force: true }),
    };
  } catch (error) {
    await close();
    const names = parts.endedByThemselves.map(({ part, how }) => `${part} (${how})`);
    const ended = names.length > 0 ? ` Ended: ${names.join(', ')}.` : '';
    throw new Error(`${messageOf(error)}${ended} The logs are in ${dataDir}/logs.`, { cause: error });
  }
}

type Scene = { readonly place: Place; readonly parts: Parts };

/** Starts the servers, the scenario's own among them, and gives where they are. */
async function startServers(
  needs: SystemNeeds,
  { place, parts, closers }: Scene & { closers: (() => Promise<void>)[] },
): Promise<Urls> {
  const { dataDir } = place;
  const [nats = 0, temporal = 0, database = 0] = await Promise.all([1, 2, 3].map(() => freePort()));
  const own = (await needs.servers?.(place)) ?? { urls: {}, parts: {} };
  if (own.close) closers.push(own.close);
  for (const [name, launch] of Object.entries(own.parts)) parts.add(name, launch);
  if (own.urls.nats === undefined) {
    parts.add('nats', () => startNats({ port: nats, dataDir, password: NATS_PASSWORD }));
  }
  if (own.urls.temporal === undefined) {
    parts.add('temporal', () => startTemporal({ port: temporal, dataDir }));
  }
  if (own.urls.database === undefined) {
    parts.add('read-model', () => startReadModel({ port: database, dataDir }));
  }
  await Promise.all(parts.names.map((name) => parts.start(name)));
  return {
    nats: `nats://tallybook:${NATS_PASSWORD}@127.0.0.1:${nats}`,
    temporal: `127.0.0.1:${temporal}`,
    database: ownerUrl(dataDir, database),
    ...own.urls,
  };
}

/** Starts projector, workers and API, and waits until the API says that all is ready. */
async function startRoles(
  needs: SystemNeeds,
  { place, parts, told }: Scene & { told: Urls },
): Promise<Pick<System, 'url' | 'workers' | 'metricsUrl' | 'moveClock'>> {
  const { dataDir } = place;
  const metrics = new Map<string, string>();
  const clockFile = (name: string) => join(dataDir, 'clocks', name);
  const clocks = needs.movableClocks ? ['--import', join(PROJECT, 'chaos/movable-clock.mjs')] : [];
  let runs = 0;
  const role = async (name: string, script: string, variable = 'METRICS_PORT') => {
    const port = await freePort();
    metrics.set(name, `http://127.0.0.1:${port}/metrics`);
    const launch = () =>
      startChild({
        name,
        command: process.execPath,
        args: [...NODE_FLAGS, ...clocks, join(PROJECT, script)],
        cwd: PROJECT,
        // Each run has its log: what a killed process said last is worth reading.
        logFile: join(dataDir, 'logs', `${name}.${(runs += 1)}.log`),
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          ...needs.env,
          [variable]: `${port}`,
          LEDGER,
          NATS_URL: told.nats,
          TEMPORAL_ADDRESS: told.temporal,
          DATABASE_URL: told.database,
          ...(needs.movableClocks ? { CHAOS_CLOCK: clockFile(name) } : {}),
        },
      });
    parts.add(name, launch);
    await parts.start(name);
    return port;
  };
  const workers = Array.from({ length: needs.workers }, (_, index) => `worker-${index + 1}`);
  await role('projector', 'projector/main.ts');
  for (const name of workers) await role(name, 'worker/main.ts');
  const url = `http://127.0.0.1:${await role('api', 'api/main.ts', 'PORT')}`;
  await waitUntilServing(url, () => {});
  return {
    url,
    workers,
    metricsUrl: (part) => metrics.get(part),
    moveClock(part, milliseconds) {
      mkdirSync(join(dataDir, 'clocks'), { recursive: true });
      writeFileSync(clockFile(part), `${milliseconds}`);
    },
  };
}

/** Where the log and the read model are, as the API says; undefined if it does not. */
export async function positionsOf({
  url,
}: Pick<System, 'url'>): Promise<{ log: number; readModel: number } | undefined> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
    const { projector } = (await answer.json()) as { projector: { last_position: number; position: number } };
    return { log: projector.last_position, readModel: projector.position };
  } catch {
    return undefined;
  }
}
