/** What is to be reached, as ratios within one run, and whether it is. */
import { CLIENTS, PATTERNS } from '../plan.ts';
import type { Figure } from './figures.ts';

export type Target = {
  readonly what: string;
  readonly target: string;
  readonly value: number;
  readonly unit: '×' | 'ms' | 'MiB';
  readonly reached: boolean;
  /** How far off it is, in percent of the target; 0 when it is reached. */
  readonly missed_percent: number;
};

/** The memory of the process that is API and worker, at the end of the rounds on the large ledger. */
export type Memory = { readonly rssMiB: number; readonly heapMiB: number };

type Limit = { readonly atLeast: number } | { readonly atMost: number };

export const TALLYBOOK = 'tallybook';
export const LARGE = { system: 'large', empty: 'small' } as const;

/** Those targets for which this run has the figures. */
export function targetsOf(figures: readonly Figure[], memory?: Memory): Target[] {
  const own = (pattern: string, clients: number | null = null) =>
    figures.filter(
      (one) =>
        one.system === TALLYBOOK && one.pattern === pattern && one.clients === clients && one.pause_ms === 0,
    );
  const others = (systems: RegExp, pattern: string = PATTERNS.uniform) =>
    figures.filter(
      ({ system, ...one }) => systems.test(system) && one.pattern === pattern && one.clients === CLIENTS,
    );
  const uniform = most(own(PATTERNS.uniform, CLIENTS));
  const times = (figure: readonly Figure[]) => uniform / most(figure);
  const [half] = own(PATTERNS.half);
  const bulk = most(own(PATTERNS.bulk));
  const size = (system: string) => most(others(new RegExp(`^${system}$`)));
  const judged: Judged[] = [
    {
      what: 'no-op workflow, the faster kind',
      value: times(others(/^noop-/, PATTERNS.nothing)),
      limit: { atLeast: 25 },
    },
    { what: 'the usual sample', value: times(others(/^temporal-sample$/)), limit: { atLeast: 50 } },
    {
      what: 'the fastest of DBOS, Restate and Emmett',
      value: times(others(/^(dbos|restate|emmett)/)),
      limit: { atLeast: 4 },
    },
    { what: 'Postgres, stored function', value: times(others(/^postgres-function$/)), limit: { atLeast: 1 } },
    ...[0, 50].map((pause) => ({
      what: `eager no-op, median of one client, ${pause === 0 ? 'back to back' : `${pause} ms between`}`,
      value: medianRatio(figures, pause),
      limit: { atMost: 1.3 },
    })),
    { what: 'p99 at half load', value: half?.p99_ms ?? Number.NaN, limit: { atMost: 150 }, unit: 'ms' },
    {
      what: 'visible p99 at half load',
      value: half?.visible_p99_ms ?? Number.NaN,
      limit: { atMost: 250 },
      unit: 'ms',
    },
    {
      what: 'bulk: raw batches of the same messages',
      value: bulk / most(figures.filter(({ pattern }) => pattern === PATTERNS.raw)),
      limit: { atLeast: 0.5 },
    },
    {
      what: 'bulk: Postgres, 100 per call',
      value: bulk / most(figures.filter(({ pattern }) => pattern === PATTERNS.several)),
      limit: { atLeast: 1 },
    },
    ...[PATTERNS.hotSource, PATTERNS.hotDestination].map((pattern) => ({
      what: `${pattern}: uniform`,
      value: most(own(pattern, CLIENTS)) / uniform,
      limit: { atLeast: 0.8 },
    })),
    {
      what: 'two million events and 200,000 accounts: an empty ledger, 1,000 accounts move money on both',
      value: size(LARGE.system) / size(LARGE.empty),
      limit: { atLeast: 0.9 },
    },
    {
      what: 'the same, and all 200,000 accounts move money',
      value: most(others(new RegExp(`^${LARGE.system}$`), PATTERNS.spread)) / size(LARGE.empty),
      limit: { atLeast: 0.9 },
    },
    {
      what: 'memory there, API and worker',
      value: memory?.rssMiB ?? Number.NaN,
      limit: { atMost: 400 },
      unit: 'MiB',
    },
  ];
  return judged.filter(({ value }) => Number.isFinite(value)).map(judge);
}

/** NaN of none, so that no target is judged by it. */
function most(figures: readonly Figure[]): number {
  return figures.length === 0 ? Number.NaN : Math.max(...figures.map(({ per_second }) => per_second));
}

/** With one client: how many times the eager no-op's median a transfer's is. */
function medianRatio(figures: readonly Figure[], pause: number): number {
  const median = (system: string, pattern: string) =>
    figures.find(
      (one) =>
        one.system === system && one.pattern === pattern && one.clients === 1 && one.pause_ms === pause,
    )?.p50_ms ?? Number.NaN;
  return median(TALLYBOOK, PATTERNS.uniform) / median('noop-eager', PATTERNS.nothing);
}

type Judged = {
  readonly what: string;
  readonly value: number;
  readonly limit: Limit;
  /** A ratio if it is not given. */
  readonly unit?: Target['unit'];
};

function judge({ what, value, limit, unit = '×' }: Judged): Target {
  const [sign, wanted] = 'atLeast' in limit ? ['≥', limit.atLeast] : ['≤', limit.atMost];
  const missing = 'atLeast' in limit ? wanted - value : value - wanted;
  const reached = missing <= 0;
  const target = `${sign} ${wanted} ${unit}`;
  const missed_percent = reached ? 0 : Math.max(1, Math.round((missing / wanted) * 100));
  return { what, target, value: Math.round(value * 100) / 100, unit, reached, missed_percent };
}
