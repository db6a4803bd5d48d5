/** The three servers that Tallybook needs, each as a child process with its data below one folder. */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { connect } from '@nats-io/transport-node';
import postgres from 'postgres';
import { findBinary, type Progress } from './binaries.ts';
import { startChild, waitUntilReady, type Child } from './child-process.ts';

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
const READ_MODEL_CONNECTIONS = 40;

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
 * Starts PGlite as a server: a Postgres in WebAssembly that speaks Postgres' protocol.
 * @throws Error with the end of its log when it does not get ready.
 */
export async function startReadModel({ port, dataDir }: Options): Promise<Server> {
  const folder = join(dataDir, 'read-model');
  const whole = `${folder}.created`;
  // One that was killed while it created its files is of no use, and the log can rebuild what it would have held.
  if (!existsSync(whole)) await rm(folder, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true });
  const script = join(PROJECT, 'postgres/main.ts');
  const flags = [
    '--port',
    `${port}`,
    '--host',
    '127.0.0.1',
    '--max-connections',
    `${READ_MODEL_CONNECTIONS}`,
  ];
  const child = await startChild({
    name: 'read-model',
    command: process.execPath,
    // Found from the project, wherever it is started.
    args: [script, '--db', resolve(folder), ...flags],
    cwd: PROJECT,
    logFile: logFile(dataDir, 'read-model'),
  });
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
  const probe = async () => {
    const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: ignore });
    try {
      await sql`select 1`;
    } finally {
      await sql.end({ timeout: 1 });
    }
  };
  await waitUntilReady(child, probe, READY_TIMEOUT_MS);
  await writeFile(whole, '');
  return { ...child, url };
}

function through({ through: first = [] }: Options, program: string, args: readonly string[]) {
  const [command = '', ...rest] = [...first, program, ...args];
  return { command, args: rest };
}

function logFile(dataDir: string, name: string): string {
  return join(dataDir, 'logs', `${name}.log`);
}

function ignore(): void {}
