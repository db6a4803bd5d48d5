import { expect, test } from 'vitest';
import { PATTERNS } from '../../../bench/plan.ts';
import { latencyChart, throughputChart } from '../../../bench/report/charts.ts';
import { figureOf, type Figure } from '../../../bench/report/figures.ts';

function figure(system: string, pattern: string, [rate, clients]: [number, number | null]): Figure {
  const row = { system, title: system, pattern, clients, pauseMs: 0 };
  return figureOf(row, [{ perSecond: rate, p50: 10, p99: 20, done: 0, failures: {} }]);
}

const FIGURES: readonly Figure[] = [
  figure('tallybook', PATTERNS.uniform, [30, 1]),
  figure('tallybook', PATTERNS.uniform, [2_000, 256]),
  figure('tallybook', PATTERNS.hotSource, [1_900, 256]),
  figure('tallybook', PATTERNS.bulk, [5_000, null]),
  { ...figure('tallybook', PATTERNS.half, [1_000, null]), visible_p50_ms: 5, visible_p99_ms: 50 },
  figure('noop-eager', PATTERNS.nothing, [80, 256]),
  figure('postgres-function', PATTERNS.uniform, [3_000, 256]),
  figure('postgres-function', PATTERNS.several, [9_000, 32]),
  figure('postgres-function', PATTERNS.direct, [4_000, 256]),
];

test('throughput shows all systems at 256 clients, the fastest first, and leaves out what had no HTTP', () => {
  const { panels } = throughputChart(FIGURES);
  const shown = panels.map(({ title, bars }) => [
    title,
    ...bars.map(({ label, value }) => `${label} ${value}`),
  ]);
  expect(shown).toEqual([
    ['One by one, 256 clients', 'postgres-function 3000', 'tallybook 2000', 'noop-eager 80'],
    ['Many in one request', 'postgres-function, 100 per call 9000', 'tallybook, bulk of 10,000 5000'],
    ['Tallybook by pattern, 256 clients', 'uniform 2000', 'one hot source 1900'],
    ['Tallybook by clients', '1 client 30', '256 clients 2000'],
  ]);
  expect(panels[0]?.bars.map(({ own }) => own)).toEqual([false, true, false]);
});

test('latency shows both percentiles at half load, until visible, and with one client', () => {
  const { panels } = latencyChart(FIGURES);
  expect(panels.map(({ bars }) => bars.map(({ label, value, second }) => [label, value, second]))).toEqual([
    [['tallybook, 1,000/s', 10, 20]],
    [['tallybook', 5, 50]],
    [['tallybook', 10, 20]],
  ]);
});

test('what was not measured has no panel', () => {
  expect(throughputChart([]).panels).toEqual([]);
  expect(latencyChart([]).panels).toEqual([]);
});
