import { expect, test } from 'vitest';
import { PATTERNS } from '../../../bench/plan.ts';
import { figureOf, type Figure } from '../../../bench/report/figures.ts';
import { targetsOf } from '../../../bench/report/targets.ts';

const measured = { p50: 1, p99: 2, done: 0, failures: {} };

type Measured = { rate?: number; clients?: number | null; p50?: number; p99?: number; pauseMs?: number };

function figure(
  system: string,
  pattern: string,
  { rate = 0, clients = 256, p50 = 1, p99 = 2, pauseMs = 0 }: Measured = {},
): Figure {
  const row = { system, title: system, pattern, clients, pauseMs };
  return figureOf(row, [{ ...measured, perSecond: rate, p50, p99 }]);
}

function judged(figures: readonly Figure[], memory?: Parameters<typeof targetsOf>[1]) {
  return targetsOf(figures, memory).map(
    ({ value, unit, target, reached, missed_percent }) =>
      `${value} ${unit}, ${target}: ${reached ? 'reached' : `missed by ${missed_percent} %`}`,
  );
}

test('a figure is the median of its rounds, with the lowest and the highest rate', () => {
  const row = { system: 'tallybook', title: 'Tallybook', pattern: 'uniform', clients: 32, pauseMs: 0 };
  const rounds = [1_200.4, 999.6, 80].map((perSecond) => ({
    ...measured,
    perSecond,
    visible: { p50: perSecond, p99: 3 },
  }));
  expect(figureOf(row, rounds)).toMatchObject({
    per_second: 1_000,
    per_second_range: [80, 1_200],
    p50_ms: 1,
    p99_ms: 2,
    visible_p50_ms: 1_000,
    visible_p99_ms: 3,
  });
});

test('a figure tells how many requests were not answered as they should be, in all rounds', () => {
  const row = { system: 'tallybook', title: 'Tallybook', pattern: 'uniform', clients: 32, pauseMs: 0 };
  const rounds = [{ '503': 2, lost: 1 }, {}, { '503': 4 }].map((failures) => ({
    ...measured,
    perSecond: 1,
    failures,
  }));
  expect(figureOf(row, rounds).failed).toBe(7);
  expect(figureOf(row, rounds.slice(1, 2)).failed).toBeUndefined();
});

test('what was measured without single requests has no latencies', () => {
  const row = { system: 'raw', title: 'raw', pattern: 'raw', clients: null, pauseMs: 0 };
  const { p50_ms, p99_ms } = figureOf(row, [
    { perSecond: 1, p50: Number.NaN, p99: Number.NaN, done: 1, failures: {} },
  ]);
  expect([p50_ms, p99_ms]).toEqual([null, null]);
});

test('only what was measured is judged', () => {
  expect(targetsOf([])).toEqual([]);
  expect(targetsOf([figure('tallybook', PATTERNS.uniform, { rate: 100 })])).toEqual([]);
  expect(targetsOf([figure('noop-eager', PATTERNS.nothing, { rate: 100 })])).toEqual([]);
});

test('throughput is compared with the fastest of each kind, at 256 clients', () => {
  const own = figure('tallybook', PATTERNS.uniform, { rate: 2_000 });
  expect(
    judged([
      own,
      figure('noop-plain', PATTERNS.nothing, { rate: 70 }),
      figure('noop-eager', PATTERNS.nothing, { rate: 80 }),
      // Another number of clients is another figure.
      figure('noop-eager', PATTERNS.nothing, { rate: 500, clients: 32 }),
    ]),
  ).toEqual(['25 ×, ≥ 25 ×: reached']);
  expect(judged([own, figure('temporal-sample', PATTERNS.uniform, { rate: 50 })])).toEqual([
    '40 ×, ≥ 50 ×: missed by 20 %',
  ]);
  const dbos = figure('dbos-one-step', PATTERNS.uniform, { rate: 400 });
  const restate = figure('restate-one-step', PATTERNS.uniform, { rate: 600 });
  expect(judged([own, dbos, restate])).toEqual(['3.33 ×, ≥ 4 ×: missed by 17 %']);
  expect(judged([own, figure('postgres-function', PATTERNS.uniform, { rate: 2_001 })])).toEqual([
    '1 ×, ≥ 1 ×: missed by 1 %',
  ]);
});

test('with one client the medians are compared, with and without a pause', () => {
  const figures = [0, 50].flatMap((pauseMs) => [
    figure('tallybook', PATTERNS.uniform, { clients: 1, pauseMs, p50: 30 + pauseMs }),
    figure('noop-eager', PATTERNS.nothing, { clients: 1, pauseMs, p50: 20 + pauseMs }),
  ]);
  expect(judged(figures)).toEqual(['1.5 ×, ≤ 1.3 ×: missed by 15 %', '1.14 ×, ≤ 1.3 ×: reached']);
});

test('half load is judged by its milliseconds, until answered and until visible', () => {
  const half = { ...figure('tallybook', PATTERNS.half, { clients: null, p99: 120 }), visible_p99_ms: 500 };
  expect(judged([half])).toEqual(['120 ms, ≤ 150 ms: reached', '500 ms, ≤ 250 ms: missed by 100 %']);
});

test('bulks, hot accounts and a large ledger are shares of what they could be', () => {
  const figures = [
    figure('tallybook', PATTERNS.uniform, { rate: 1_000 }),
    figure('tallybook', PATTERNS.hotSource, { rate: 790 }),
    figure('tallybook', PATTERNS.hotDestination, { rate: 900 }),
    figure('tallybook', PATTERNS.bulk, { rate: 3_000, clients: null }),
    figure('raw-jetstream', PATTERNS.raw, { rate: 5_000, clients: null }),
    figure('postgres-function', PATTERNS.several, { rate: 12_000, clients: 32 }),
    figure('large', PATTERNS.uniform, { rate: 950 }),
    figure('large', PATTERNS.spread, { rate: 720 }),
    figure('small', PATTERNS.uniform, { rate: 1_000 }),
  ];
  expect(judged(figures, { rssMiB: 410, heapMiB: 90 })).toEqual([
    '0.6 ×, ≥ 0.5 ×: reached',
    '0.25 ×, ≥ 1 ×: missed by 75 %',
    '0.79 ×, ≥ 0.8 ×: missed by 1 %',
    '0.9 ×, ≥ 0.8 ×: reached',
    '0.95 ×, ≥ 0.9 ×: reached',
    '0.72 ×, ≥ 0.9 ×: missed by 20 %',
    '410 MiB, ≤ 400 MiB: missed by 3 %',
  ]);
});
