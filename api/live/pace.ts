/**
 * Keeps the ring from running away from everybody. When most clients fall behind together it is not they who are slow,
 * it is this process: it has more to write than it can. To end all their streams would make it worse, since each would
 * come back and read the log for itself. So the log waits a little; nothing is lost by that, it is on disk.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ring } from './ring.ts';

const LOOK_AGAIN_MS = 10;

type Reader = { readonly live: boolean; readonly position: number };

export type Pace = (ring: Ring, readers: Iterable<Reader>, signal: AbortSignal) => Promise<void>;

/** @param patienceMs how long the log may wait at a stretch; it gets that time back as it runs */
export function createPace(patienceMs: number): Pace {
  let left = patienceMs;
  let looked = performance.now();
  return async (ring, readers, signal) => {
    left = Math.min(patienceMs, left + performance.now() - looked);
    const range = { from: ring.floor, to: ring.middle() };
    while (left > 0 && !signal.aborted && mostAreIn(range, readers)) {
      const since = performance.now();
      await sleep(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {});
      left -= performance.now() - since;
    }
    looked = performance.now();
  };
}

/** Whether most of those who have not lost their place are in a range. */
function mostAreIn({ from, to }: { from: number; to: number }, readers: Iterable<Reader>): boolean {
  let inside = 0;
  let all = 0;
  for (const { live, position } of readers) {
    if (!live || position < from) continue;
    all += 1;
    if (position < to) inside += 1;
  }
  return inside * 2 > all;
}
