/** What the bench measures Tallybook against. Each starts from nothing, and leaves nothing behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild, waitUntilReady, type Child } from '../../dev/servers/child-process.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { installPeers } from './install.ts';
import { startDurablePostgres, startRestate } from './servers.ts';

export type Running = Readonly<{
  url: string;
  /** Kills the peer in the middle of what it does, and starts it again on the same servers. */
  killAndStart: () => Promise<void>;
  stop: () => Promise<void>;
}>;

export type System = Readonly<{
  /** For file names and tables of results. */
  name: string;
  title: string;
  /** Whether `POST /v1/bulk` is there. */
  bulk: boolean;
  /** Starts the servers it needs, then the peer itself. Its first start may install the packages. */
  start: () => Promise<Running>;
}>;

const READY_TIMEOUT_MS = 120_000;
const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** Connections of each pool, of which Postgres has 200 here; the variable is for trying others. */
const POOL = Number(process.env['PEERS_POOL'] ?? 32);

/** Starts servers in a folder, gives what a peer needs to know of them, and notes each for being stopped. */
type Servers = (folder: string, started: Child[]) => Promise<Record<string, string>>;

const withPostgres: Servers = async (folder, started) => {
  const server = await startDurablePostgres(folder);
  started.push(server);
  return { DATABASE_URL: server.url };
};

const withRestate: Servers = async (folder, started) => {
  const server = await startRestate(folder);
  started.push(server);
  // Restate goes on with what a killed process left behind where that was, so its port stays.
  const handlers = `${await freePort()}`;
  return { RESTATE_INGRESS: server.ingress, RESTATE_ADMIN: server.admin, HANDLERS_PORT: handlers };
};

const withBoth: Servers = async (folder, started) => ({
  ...(await withPostgres(folder, started)),
  ...(await withRestate(folder, started)),
});

type Spec = Readonly<{
  name: string;
  title: string;
  script: string;
  variant?: string;
  servers: Servers;
}>;

const SPECS: readonly Spec[] = [
  {
    name: 'postgres-function',
    title: 'Postgres, one stored function',
    script: 'postgres/main.ts',
    variant: 'function',
    servers: withPostgres,
  },
  {
    name: 'postgres-interactive',
    title: 'Postgres, interactive transaction',
    script: 'postgres/main.ts',
    variant: 'interactive',
    servers: withPostgres,
  },
  { name: 'emmett', title: 'Emmett with Postgres', script: 'emmett/main.ts', servers: withPostgres },
  {
    name: 'dbos-one-step',
    title: 'DBOS, one step',
    script: 'dbos/main.ts',
    variant: 'one-step',
    servers: withPostgres,
  },
  {
    name: 'dbos-two-steps',
    title: 'DBOS, two steps',
    script: 'dbos/main.ts',
    variant: 'two-steps',
    servers: withPostgres,
  },
  {
    name: 'restate-one-step',
    title: 'Restate, one step, with Postgres',
    script: 'restate/main.ts',
    variant: 'one-step',
    servers: withBoth,
  },
  {
    name: 'restate-two-objects',
    title: 'Restate, two virtual objects',
    script: 'restate/main.ts',
    variant: 'two-objects',
    servers: withRestate,
  },
];

export const SYSTEMS: readonly System[] = SPECS.map((spec) => ({
  name: spec.name,
  title: spec.title,
  bulk: spec.variant === 'function',
  start: () => startSystem(spec),
}));

/**
 * The usual Temporal sample, on a Temporal server that runs already.
 * @param env its address, as `TEMPORAL_ADDRESS` or as the variables that Tallybook itself was started with
 */
export function sampleSystem(env: Readonly<Record<string, string>>): System {
  return {
    name: 'temporal-sample',
    title: 'Temporal, the usual sample',
    bulk: false,
    start: () => inFolder('temporal-sample', async () => ({ script: 'bench/sample/main.ts', env })),
  };
}

async function startSystem(spec: Spec): Promise<Running> {
  const { name, script, variant, servers } = spec;
  installPeers();
  return inFolder(name, async (folder, started) => {
    const addresses = await servers(folder, started);
    const env = { ...addresses, POOL: `${POOL}`, ...(variant === undefined ? {} : { VARIANT: variant }) };
    return { script: `bench/peers/${script}`, env };
  });
}

type Program = Readonly<{ script: string; env: Readonly<Record<string, string>> }>;

/**
 * Starts a peer whose data are below a folder. Whatever was started is stopped, last first, and the folder removed: at
 * the end, or when the start fails.
 * @param prepare starts its servers, and notes them in the list that it is given
 */
async function inFolder(
  name: string,
  prepare: (folder: string, servers: Child[]) => Promise<Program>,
): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), `tallybook-${name}-`));
  const servers: Child[] = [];
  let peer: Child | undefined;
  const stop = async () => {
    await peer?.stop();
    for (const server of servers.toReversed()) await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const program = await prepare(folder, servers);
    const port = await freePort();
    const start = async () => (peer = await startPeer(program, { folder, port }));
    await start();
    const killAndStart = async () => {
      peer?.kill();
      await peer?.exited;
      await start();
    };
    return { url: `http://127.0.0.1:${port}`, killAndStart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startPeer(program: Program, at: Readonly<{ folder: string; port: number }>): Promise<Child> {
  const { script, env } = program;
  const child = await startChild({
    name: script,
    command: process.execPath,
    args: [script],
    cwd: PROJECT,
    logFile: join(at.folder, 'logs', 'peer.log'),
    env: { ...process.env, ...env, PORT: `${at.port}` },
  });
  await waitUntilReady(
    child,
    async () => {
      if (!child.logTail().split('\n').includes('ready')) throw new Error('it has not said that it is ready');
      await Promise.resolve();
    },
    READY_TIMEOUT_MS,
  );
  return child;
}
