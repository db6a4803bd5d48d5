/** Which figures are drawn, and beside what. */
import { CLIENTS, ONE_BY_ONE, PATTERNS } from '../plan.ts';
import type { Bar, BarChart, Panel } from './bar-chart.ts';
import type { Figure } from './figures.ts';
import { TALLYBOOK } from './targets.ts';

const TOGETHER: readonly string[] = [PATTERNS.bulk, PATTERNS.several, PATTERNS.raw];
const OWN_PATTERNS: readonly string[] = [
  PATTERNS.uniform,
  PATTERNS.zipf,
  PATTERNS.hotSource,
  PATTERNS.hotDestination,
  PATTERNS.approval,
];

/** Transfers a second. */
export function throughputChart(figures: readonly Figure[]): BarChart {
  const all = figures.filter(({ pause_ms }) => pause_ms === 0);
  const at256 = all.filter(({ clients }) => clients === CLIENTS);
  return {
    title: 'Transfers a second',
    note: 'Over HTTP, on one machine with the load; medians of the rounds, with their ranges. A no-op moves nothing.',
    panels: withBars([
      {
        title: `One by one, ${CLIENTS} clients`,
        bars: fastestFirst(at256.filter(({ pattern }) => ONE_BY_ONE.has(pattern)).map(rate(titleOf))),
      },
      {
        title: 'Many in one request',
        bars: fastestFirst(
          all
            .filter(({ pattern }) => TOGETHER.includes(pattern))
            .map(rate(({ title, pattern }) => `${title}, ${pattern}`)),
        ),
      },
      {
        title: `Tallybook by pattern, ${CLIENTS} clients`,
        bars: at256
          .filter((figure) => isOwn(figure) && OWN_PATTERNS.includes(figure.pattern))
          .map(rate(({ pattern }) => pattern)),
      },
      {
        title: 'Tallybook by clients',
        bars: all
          .filter((figure) => isOwn(figure) && figure.pattern === PATTERNS.uniform)
          .map(
            rate(({ clients }) => (clients === 1 ? '1 client' : `${clients?.toLocaleString('en')} clients`)),
          ),
      },
    ]),
  };
}

/** Milliseconds. */
export function latencyChart(figures: readonly Figure[]): BarChart {
  const half = figures.filter(({ pattern }) => pattern === PATTERNS.half);
  const alone = figures.filter(
    ({ clients, pattern, pause_ms }) => clients === 1 && pause_ms === 0 && ONE_BY_ONE.has(pattern),
  );
  return {
    title: 'Milliseconds: median / 99th percentile',
    note: 'From when a request was due, not from when it could be sent.',
    panels: withBars([
      {
        title: 'At half of what each system can do',
        bars: half.flatMap((figure) =>
          both(figure, `${figure.title}, ${figure.per_second.toLocaleString('en')}/s`),
        ),
      },
      {
        title: 'From the answer until the read model shows it, at half load',
        bars: half.flatMap(({ title, visible_p50_ms, visible_p99_ms }) =>
          visible_p50_ms === undefined || visible_p99_ms === undefined
            ? []
            : [{ label: title, value: visible_p50_ms, second: visible_p99_ms, own: true }],
        ),
      },
      { title: 'One client, back to back', bars: alone.flatMap((figure) => both(figure, figure.title)) },
    ]),
  };
}

function both(figure: Figure, label: string): Bar[] {
  const { p50_ms, p99_ms } = figure;
  return p50_ms === null || p99_ms === null
    ? []
    : [{ label, value: p50_ms, second: p99_ms, own: isOwn(figure) }];
}

function rate(label: (figure: Figure) => string): (figure: Figure) => Bar {
  return (figure) => ({
    label: label(figure),
    value: figure.per_second,
    range: figure.per_second_range,
    own: isOwn(figure),
  });
}

function titleOf({ title }: Figure): string {
  return title;
}

function isOwn({ system }: Figure): boolean {
  return system === TALLYBOOK;
}

function fastestFirst(bars: readonly Bar[]): Bar[] {
  return bars.toSorted((a, b) => b.value - a.value);
}

function withBars(panels: readonly Panel[]): Panel[] {
  return panels.filter(({ bars }) => bars.length > 0);
}
