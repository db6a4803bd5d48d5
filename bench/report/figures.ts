/** What the rounds of a row come to. */
import type { Row } from '../plan.ts';
import type { Measured } from '../task.ts';
import { median } from './quantiles.ts';

/** One line of the results: medians of the rounds, with the lowest and the highest rate. */
export type Figure = {
  readonly system: string;
  readonly title: string;
  readonly pattern: string;
  readonly clients: number | null;
  readonly pause_ms: number;
  readonly per_second: number;
  readonly per_second_range: readonly [number, number];
  /** Null where nobody was asked one by one. */
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly visible_p50_ms?: number;
  readonly visible_p99_ms?: number;
  /** Requests that were not answered as they should be. What has any counts for nothing. */
  readonly failed?: number;
  /** What the load generator computed for each transfer, in microseconds, on the same cores. */
  readonly generator_micros?: number;
};

/** @param rounds at least one */
export function figureOf(
  { system, title, pattern, clients, pauseMs }: Omit<Row, 'how'>,
  rounds: readonly Measured[],
): Figure {
  const rates = rounds.map(({ perSecond }) => perSecond);
  const visible = rounds.flatMap((round) => round.visible ?? []);
  const cpu = rounds.flatMap(({ cpuMicros }) => cpuMicros ?? []);
  const failed = rounds
    .flatMap(({ failures }) => Object.values(failures))
    .reduce((sum, count) => sum + count, 0);
  return {
    system,
    title,
    pattern,
    clients,
    pause_ms: pauseMs,
    per_second: rounded(median(rates)) ?? 0,
    per_second_range: [rounded(Math.min(...rates)) ?? 0, rounded(Math.max(...rates)) ?? 0],
    p50_ms: rounded(median(rounds.map(({ p50 }) => p50))),
    p99_ms: rounded(median(rounds.map(({ p99 }) => p99))),
    ...(visible.length > 0 && {
      visible_p50_ms: rounded(median(visible.map(({ p50 }) => p50))) ?? 0,
      visible_p99_ms: rounded(median(visible.map(({ p99 }) => p99))) ?? 0,
    }),
    ...(failed > 0 && { failed }),
    ...(cpu.length > 0 && { generator_micros: Math.round(median(cpu)) }),
  };
}

/** Large ones to whole numbers, small ones to tenths. */
function rounded(value: number): number | null {
  if (Number.isNaN(value)) return null;
  return value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
}
