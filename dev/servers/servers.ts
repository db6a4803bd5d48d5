/** The three servers that Tallybook needs, each as a child process with its data below one folder. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { connect } from '@nats-io/transport-node';
import { prepareCluster, type Cluster, type ClusterOptions } from '../../postgres/cluster.ts';
import { ensureReader } from '../../postgres/reader.ts';
import { ownerUrl } from '../../postgres/urls.ts';
import { findBinary, type Progress } from './binaries.ts';
import { describeExit, startChild, waitUntilReady, type Child } from './child-process.ts';

export type Server = Child & Readonly<{ url: string }>;

type Options = Readonly<{
  port: number;
  /** Where all servers keep their data: each has a folder of its own in it, and its log in `logs/`. */
  dataDir: string;
  /** Told when the program has to be fetched first. */
  progress?: Progress;
  /** A command, with its arguments, that starts the server in its own place: `nsenter`, `prlimit`. */
  through?: readonly string[];
}>;

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const NATS_CONF = join(PROJECT, 'deploy/nats.conf');
const READY_TIMEOUT_MS = 60_000;

/** One node serves one developer, so nothing is gained by sharing it out. */
const TEMPORAL_SETTINGS = {
  'frontend.namespaceRPS': 50_000,
  'frontend.namespaceRPS.visibility': 1_000,
  'frontend.namespaceCount': 20_000,
  'frontend.rps': 50_000,
  'history.rps': 50_000,
  'matching.rps': 50_000,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'system.enableEagerWorkflowStart': true,
};

/** Safe when the process is killed; the log, not Temporal, is what must survive a power cut. */
const TEMPORAL_PRAGMAS = ['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'];

/**
 * Starts nats-server with the project's own configuration, or with another one that has the user `tallybook` too.
 * @throws Error with the end of its log when it does not get ready.
 */
export async function startNats(
  options: Options & Readonly<{ password: string; configuration?: string }>,
): Promise<Server> {
  const { port, dataDir, password, configuration = NATS_CONF, progress = ignore } = options;
  const flags = ['--config', configuration, '--addr', '127.0.0.1', '--port', `${port}`];
  const child = await startChild({
    name: 'nats',
    ...through(options, await findBinary('nats-server', progress), [
      ...flags,
      '--store_dir',
      join(dataDir, 'nats'),
    ]),
    logFile: logFile(dataDir, 'nats'),
    // The configuration takes the variable's text as a value of its language: without quotes, 0123 is a number.
    env: { ...process.env, NATS_PASSWORD: JSON.stringify(password) },
  });
  const server = `127.0.0.1:${port}`;
  const probe = async () => {
    const connection = await connect({
      servers: server,
      user: 'tallybook',
      pass: password,
      reconnect: false,
    });
    try {
      await connection.request('$JS.API.INFO', '', { timeout: 1_000 });
    } finally {
      await connection.close();
    }
  };
  await waitUntilReady(child, probe, READY_TIMEOUT_MS);
  return { ...child, url: `nats://tallybook:${encodeURIComponent(password)}@${server}` };
}

/**
 * Starts a Temporal development server that keeps its data, with its UI when that has a port.
 * @throws Error with the end of its log when it does not get ready.
 */
export async function startTemporal(
  options: Options & Readonly<{ uiPort?: number; namespace?: string }>,
): Promise<Server> {
  const { port, uiPort, dataDir, namespace = 'default', progress = ignore } = options;
  const folder = join(dataDir, 'temporal');
  await mkdir(folder, { recursive: true });
  const address = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${port}`, '--namespace', namespace];
  const ui = uiPort === undefined ? ['--headless'] : ['--ui-port', `${uiPort}`, '--ui-disable-news-fetch'];
  const storage = ['--db-filename', join(folder, 'temporal.db'), ...TEMPORAL_PRAGMAS, '--log-level', 'error'];
  const settings = Object.entries(TEMPORAL_SETTINGS).flatMap(([key, value]) => [
    '--dynamic-config-value',
    `${key}=${value}`,
  ]);
  const child = await startChild({
    name: 'temporal',
    ...through(options, await findBinary('temporal', progress), [...address, ...ui, ...storage, ...settings]),
    logFile: logFile(dataDir, 'temporal'),
  });
  const url = `127.0.0.1:${port}`;
  const probe = async () => {
    const connection = await Connection.connect({ address: url, connectTimeout: 1_000 });
    try {
      // Answered only when the frontend knows the namespace, and matching serves it.
      await connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: 'ready' } });
    } finally {
      await connection.close();
    }
  };
  await waitUntilReady(child, probe, READY_TIMEOUT_MS);
  return { ...child, url };
}

/**
 * Starts PostgreSQL for the read model, and makes its database on the first start. Its URL is that of the owner.
 * @throws Error with the end of its log when it does not get ready.
 */
export async function startReadModel(
  options: Options & Readonly<{ settings?: ClusterOptions['settings']; ledger?: string }>,
): Promise<Server> {
  const { port, settings = {}, ledger = 'main', progress = ignore } = options;
  const dataDir = resolve(options.dataDir);
  const { create, serve, secrets } = await prepareCluster({ dataDir, port, settings, progress });
  if (create !== undefined) await createDatabase(create, dataDir);
  const url = ownerUrl(dataDir, port);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const child = await startChild({
      ...serve,
      name: 'read-model',
      logFile: logFile(dataDir, 'read-model'),
      // To Postgres, SIGTERM means to wait until its clients have gone.
      stopSignal: 'SIGINT',
    });
    try {
      await waitUntilReady(child, () => ensureReader(url, { ledger, ...secrets }), READY_TIMEOUT_MS);
      return { ...child, url };
    } catch (error) {
      // One that was killed may have left processes that finish a query; they end when they see that it is gone.
      if (!child.logTail().includes('is still in use') || Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

async function createDatabase(create: NonNullable<Cluster['create']>, dataDir: string): Promise<void> {
  const child = await startChild({ ...create, name: 'initdb', logFile: logFile(dataDir, 'initdb') });
  const status = await child.exited;
  if (status.code !== 0) {
    throw new Error(
      `initdb ended with ${describeExit(status)}. The end of ${child.logFile}:\n${child.logTail()}`,
    );
  }
  await create.finish();
}

function through({ through: first = [] }: Options, program: string, args: readonly string[]) {
  const [command = '', ...rest] = [...first, program, ...args];
  return { command, args: rest };
}

function logFile(dataDir: string, name: string): string {
  return join(dataDir, 'logs', `${name}.log`);
}

function ignore(): void {}
