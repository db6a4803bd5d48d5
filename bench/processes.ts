/**
 * The processes below this one: which they are, what they have computed, and how they are held while it is not their
 * turn. What is not Linux has no `/proc`: there nobody is held, and nothing is told.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

type Stat = { readonly pid: number; readonly parent: number; readonly ticks: number };

/** Linux counts processors' time in hundredths of a second, whatever its clock. */
const TICKS_PER_SECOND = 100;

/** All processes that these have started, and those that they have, without themselves. */
export function descendants(of: readonly number[] = [process.pid]): number[] {
  const stats = allStats();
  const found = new Set(of);
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const { pid, parent } of stats) if (found.has(parent)) found.add(pid);
  }
  return [...found].filter((pid) => !of.includes(pid));
}

/** The processor time that they have had, in seconds. */
export function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => statOf(pid)?.ticks ?? 0);
  return ticks.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND;
}

/** Sends a signal to all of them and to what they have started; who has ended meanwhile needs none. */
export function signalAll(pids: readonly number[], signal: 'SIGSTOP' | 'SIGCONT'): void {
  if (pids.length === 0) return;
  for (const pid of [...pids, ...descendants(pids)]) {
    if (statOf(pid) !== undefined) process.kill(pid, signal);
  }
}

function allStats(): Stat[] {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statOf(Number(name)) ?? []) : []));
}

function statOf(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it may hold anything, brackets too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}
