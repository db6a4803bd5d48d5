/** The database cluster of the read model: its files, and the programs that make and serve them. */
import { existsSync, readlinkSync } from 'node:fs';
import { chown, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findPlace, type Place } from './place.ts';
import { findPrograms, type Programs } from './programs.ts';
import { readSecrets, type Secrets } from './secrets.ts';
import { OWNER } from './urls.ts';

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // Found by its port only.
  unix_socket_directories: '',
  // What it wrote last may be lost with the machine: the projector reads that from the log again.
  synchronous_commit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** A program to start. */
type Launch = Readonly<{
  command: string;
  args: readonly string[];
  cwd: string;
  user?: NonNullable<Place['user']>;
}>;

export type Cluster = Readonly<{
  /** Makes the files, if they are not there; `finish` is called when the program has ended well. */
  create?: Launch & Readonly<{ finish: () => Promise<void> }>;
  /** Serves them. */
  serve: Launch;
  secrets: Secrets;
}>;

export type ClusterOptions = Readonly<{
  /** Tallybook's data folder, as an absolute path. */
  dataDir: string;
  port: number;
  /** Over those that `npm start` uses. */
  settings?: Readonly<Record<string, string>>;
  /** Told, in one line each, what a person should know. */
  progress: (line: string) => void;
}>;

/**
 * Prepares what is needed to start the server of a data folder. No other process may use the folder.
 * @throws Error that says what to do instead if Postgres cannot run here.
 */
export async function prepareCluster(options: ClusterOptions): Promise<Cluster> {
  const { dataDir, port, progress } = options;
  const folder = join(dataDir, 'postgres');
  const place = await findPlace(folder);
  const { home, data, user } = place;
  if (user !== undefined) progress(`Postgres does not run as root: user ${user.uid} runs it, in ${home}`);
  const programs = await findPrograms(place);
  const secrets = await readSecrets(dataDir);
  const settings: Record<string, string> = { ...SETTINGS, port: `${port}`, ...options.settings };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const serve = launch(place, join(programs.bin, 'postgres'), ['-D', data, ...flags]);
  const created = join(folder, 'created');
  const major = existsSync(created) ? await versionOf(data) : undefined;
  if (major === programs.major) {
    await disownPid(data);
    return { serve, secrets };
  }
  if (major !== undefined) {
    progress(
      `Postgres ${major} has kept the read model: Postgres ${programs.major} makes it anew from the log`,
    );
  }
  const sync = settings['fsync'] !== 'off';
  return { serve, secrets, create: await creation({ place, programs, created, sync }, secrets) };
}

type Creation = Readonly<{ place: Place; programs: Programs; created: string; sync: boolean }>;

/** What is half made or of another version is removed first: the log can make the rows again. */
async function creation({ place, programs, created, sync }: Creation, { password }: Secrets) {
  const { home, data, user } = place;
  await rm(created, { force: true });
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { mode: 0o700 });
  // The server's user reads the password from there.
  const passing = join(home, 'initdb-password');
  await rm(passing, { force: true });
  await writeFile(passing, password, { mode: 0o600 });
  if (user !== undefined) for (const path of [data, passing]) await chown(path, user.uid, user.gid);
  const flags = [
    `--pgdata=${data}`,
    `--username=${OWNER}`,
    `--pwfile=${passing}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Text sorts by its bytes, on every platform.
    '--locale=C',
    '--no-instructions',
  ];
  return {
    ...launch(place, join(programs.bin, 'initdb'), sync ? flags : [...flags, '--no-sync']),
    async finish() {
      await rm(passing);
      await writeFile(created, '');
    },
  };
}

function launch({ home, user }: Place, command: string, args: readonly string[]): Launch {
  return { command, args, cwd: home, ...(user === undefined ? {} : { user }) };
}

async function versionOf(data: string): Promise<string | undefined> {
  const text = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  return text?.trim();
}

/**
 * A server that was killed leaves a file with its process id. Postgres does not start while a process of that number
 * runs, and after a restart of a container another one may have it. The id of the process that starts Postgres counts
 * as old, so it is put there; what else stands in the file still keeps two servers off the same memory.
 */
async function disownPid(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined || !existsSync('/proc/self/cwd')) return;
  const [pid, ...rest] = text.split('\n');
  if (cwdOf(Number(pid)) === (await realpath(data))) return;
  await writeFile(file, [process.pid, ...rest].join('\n'));
}

/** A server's working folder is its data. Undefined if there is no such process. */
function cwdOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}
