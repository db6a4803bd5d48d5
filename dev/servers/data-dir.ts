/** One set of servers at a time may use a data folder: a lock file says which. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { codeOf } from '../errors.ts';
import { watchdogPid } from './child-process.ts';

/** A process, and since when it runs: after a restart of the machine another one may have its number. */
const owner = z.object({ pid: z.int(), since: z.string() });

/** Who holds a folder: the process that started the servers, and the one that ends them when that is killed. */
const lockFile = z.object({ holder: owner, watchdog: owner });

type Owner = z.infer<typeof owner>;
type Lock = z.infer<typeof lockFile>;

const SETTLE_MS = 60_000;

/**
 * Takes the folder, and creates it if need be. When its last user was killed, first waits until that one's servers
 * have ended, so that no two ever write the same files. The folder is given back when this process ends.
 * @throws Error when another process uses it.
 */
export async function claimDataDir(dataDir: string, progress: (line: string) => void): Promise<void> {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, 'tallybook.lock');
  const before = readLock(file);
  if (before !== undefined && isRunning(before.holder)) {
    throw new Error(
      `${dataDir} is used by another Tallybook (process ${before.holder.pid}). ` +
        'Stop that one, or set DATA_DIR to another folder.',
    );
  }
  if (before !== undefined && isRunning(before.watchdog)) {
    progress('waiting for the servers of a run that was killed');
    const deadline = Date.now() + SETTLE_MS;
    while (isRunning(before.watchdog) && Date.now() < deadline) await sleep(100);
  }
  rmSync(file, { force: true });
  const lock: Lock = { holder: identify(process.pid), watchdog: identify(watchdogPid()) };
  // Exclusively: of two that start at the same moment, one fails here.
  writeFileSync(file, JSON.stringify(lock), { flag: 'wx' });
  process.once('exit', () => rmSync(file, { force: true }));
}

/** A file that is not a whole lock was left by a process that was killed while writing it, so nobody holds it. */
function readLock(file: string): Lock | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return lockFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function identify(pid: number): Owner {
  return { pid, since: startTime(pid) };
}

function isRunning({ pid, since }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process runs, but is not ours to signal.
    if (codeOf(error) !== 'EPERM') return false;
  }
  return startTime(pid) === since;
}

/** When a process was started, in the machine's own count; empty where there is no such thing as /proc. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses, and may hold spaces; the start time is the 22nd.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Ended, but its parent has not asked how: it runs no more.
    return state === 'Z' ? 'ended' : (rest[18] ?? '');
  } catch {
    return '';
  }
}
