/** Says how far the bench is, and how long it will still take. */
import { PATTERNS, type Row } from '../plan.ts';
import type { Measured } from '../task.ts';

/** Seconds around a turn, and for what is measured until it is done. */
const AROUND = 1;
const BULK = 8;
const RAW = 5;
/** What a slow system does in a second, and another one: for how long the last answers take. */
const SLOW = 60;
const OTHER = 400;

/** How long a turn will take, before any has been taken. */
export function expectedSeconds({ how, clients, pattern, system }: Row, seconds: number): number {
  if (how.type === 'bulk') return BULK;
  if (how.type === 'raw') return seconds + RAW;
  const slow = pattern === PATTERNS.nothing || system === 'temporal-sample';
  return seconds + AROUND + (clients ?? 0) / (slow ? SLOW : OTHER);
}

export type Progress = {
  readonly begins: () => void;
  readonly ended: (row: Row, measured: Measured) => void;
};

/** Tells of each turn. The first round is guessed; then each row will take as long as it took before. */
export function createProgress(
  rows: readonly Row[],
  { rounds, seconds }: { rounds: number; seconds: number },
): Progress {
  const durations = new Map(rows.map((row) => [row, expectedSeconds(row, seconds)]));
  const turns = Array.from({ length: rounds }, () => rows).flat();
  let taken = 0;
  let begun = 0;

  function left(): string {
    const remaining = turns.slice(taken).reduce((sum, row) => sum + (durations.get(row) ?? 0), 0);
    if (taken === turns.length) return 'done';
    return remaining < 90 ? `${Math.round(remaining)} s left` : `${Math.round(remaining / 60)} min left`;
  }

  console.log(`${rows.length} rows in ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${left()}`);
  return {
    begins: () => void (begun = performance.now()),
    ended(row, { perSecond, p50, p99 }) {
      durations.set(row, (performance.now() - begun) / 1_000);
      taken += 1;
      const rate = `${perSecond.toFixed(perSecond < 100 ? 1 : 0)}/s`;
      const times = Number.isNaN(p50) ? '' : `, ${p50.toFixed(1)} / ${p99.toFixed(1)} ms`;
      console.log(`[${taken}/${turns.length}] ${nameOf(row)}: ${rate}${times} (${left()})`);
    },
  };
}

/** A row in words. */
export function nameOf({ title, pattern, clients, pauseMs }: Row): string {
  const who = clients === null ? '' : `, ${clients} ${clients === 1 ? 'client' : 'clients'}`;
  return `${title}, ${pattern}${who}${pauseMs > 0 ? `, ${pauseMs} ms between` : ''}`;
}
