/** The servers that peers need, each on free ports, with its data below one folder, and durable. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { startChild, waitUntilReady, type Child } from '../../dev/servers/child-process.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { startReadModel, type Server } from '../../dev/servers/servers.ts';
import { PEERS } from './install.ts';

const READY_TIMEOUT_MS = 60_000;

/** A commit waits for the disk. The rest is what Postgres's manual advises for a server with memory to spare. */
const DURABLE = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  autovacuum: 'on',
  shared_buffers: '1GB',
  max_wal_size: '4GB',
  max_connections: '200',
};

export async function startDurablePostgres(dataDir: string): Promise<Server> {
  return startReadModel({ port: await freePort(), dataDir, settings: DURABLE });
}

export type Restate = Child & Readonly<{ ingress: string; admin: string }>;

/** With its defaults: its log waits for the disk, too. It asks nobody for updates, and tells nobody that it runs. */
export async function startRestate(dataDir: string): Promise<Restate> {
  const [ingress, admin, node] = [await freePort(), await freePort(), await freePort()];
  const child = await startChild({
    name: 'restate',
    command: restateProgram(),
    args: ['--no-logo', '--node-name', 'bench', '--listen-mode', 'tcp'],
    // It opens a folder for its data in the one where it runs.
    cwd: dataDir,
    logFile: join(dataDir, 'logs', 'restate.log'),
    env: {
      ...process.env,
      RESTATE_BIND_IP: '127.0.0.1',
      RESTATE_BIND_PORT: `${node}`,
      RESTATE_ADVERTISED_HOST: '127.0.0.1',
      RESTATE_INGRESS__BIND_PORT: `${ingress}`,
      RESTATE_ADMIN__BIND_PORT: `${admin}`,
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_LOG_FILTER: 'warn',
      DO_NOT_TRACK: '1',
    },
  });
  const urls = { ingress: `http://127.0.0.1:${ingress}`, admin: `http://127.0.0.1:${admin}` };
  await waitUntilReady(
    child,
    async () => {
      for (const url of [`${urls.ingress}/restate/health`, `${urls.admin}/health`]) {
        const { ok, status } = await fetch(url);
        if (!ok) throw new Error(`${url} answered ${status}`);
      }
    },
    READY_TIMEOUT_MS,
  );
  return { ...child, ...urls };
}

/** The program comes in a package of its own for each platform, as the server's own starter finds it. */
function restateProgram(): string {
  const file = `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`;
  return createRequire(join(PEERS, 'package.json')).resolve(file);
}
