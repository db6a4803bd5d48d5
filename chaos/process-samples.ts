/** What processes use, as the system tells it: memory and open files. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';
import { median } from '../bench/report/quantiles.ts';

export type Sample = { readonly rssMib: number; readonly handles: number };

/** Undefined for a process that is not there, or where there is no /proc. */
export function sampleOf(pid: number): Sample | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN);
    return { rssMib: rss / 1_024, handles: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

/** The medians of the first and the last third. */
export function thirdsOf(values: readonly number[]): { readonly first: number; readonly last: number } {
  const third = Math.max(1, Math.floor(values.length / 3));
  return { first: median(values.slice(0, third)), last: median(values.slice(-third)) };
}
