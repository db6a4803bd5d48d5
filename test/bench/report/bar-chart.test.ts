import { expect, test } from 'vitest';
import { barChart, type BarChart } from '../../../bench/report/bar-chart.ts';

const CHART: BarChart = {
  title: 'Transfers & more',
  note: 'a < b',
  panels: [
    {
      title: 'first',
      bars: [
        { label: 'ours', value: 2_000, range: [1_500, 2_200], own: true },
        { label: 'theirs', value: 1_100, own: false },
        { label: 'nothing', value: 0, own: false },
      ],
    },
    { title: 'second', bars: [{ label: 'slow', value: 5, second: 20, own: false }] },
  ],
};

function widths(svg: string): number[] {
  return [...svg.matchAll(/<rect class="(?:own|other)[^"]*"[^>]* width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
}

test('bars are as long as their values, each panel by itself, and none leaves the picture', () => {
  const svg = barChart(CHART);
  const [ours = 0, theirs = 0, nothing = 0, slowHigh = 0, slow = 0] = widths(svg);
  // The longest is as long as the highest of its range.
  expect(theirs / ours).toBeCloseTo(1_100 / 2_000, 2);
  expect(nothing).toBe(1);
  expect(slow / slowHigh).toBeCloseTo(5 / 20, 2);
  const ends = [...svg.matchAll(/<rect[^>]* x="(\d+)"[^>]* width="([\d.]+)"/g)].map(
    ([, x, width]) => Number(x) + Number(width),
  );
  expect(Math.max(...ends)).toBeLessThan(880);
});

test('every bar says whose it is, how much, and how sure that is', () => {
  const svg = barChart(CHART);
  for (const text of [
    '>ours<',
    '>theirs<',
    '>slow<',
    '>2,000<',
    ' (1,500–2,200)<',
    '>1,100<',
    '>5<',
    ' / 20<',
  ]) {
    expect(svg).toContain(text);
  }
  expect(svg).toContain('<desc>first: ours 2,000, theirs 1,100, nothing 0. second: slow 5 and 20.</desc>');
});

test('it is well-formed, and readable on dark pages too', () => {
  const svg = barChart(CHART);
  expect(svg).toContain('Transfers &amp; more');
  expect(svg).toContain('a &lt; b');
  expect(svg).toContain('prefers-color-scheme: dark');
  const open: string[] = [];
  for (const [, closing, name = '', inside = ''] of svg.matchAll(/<(\/?)([a-z]+)([^>]*)>/g)) {
    if (closing) expect(open.pop()).toBe(name);
    else if (!inside.endsWith('/')) open.push(name);
  }
  expect(open).toEqual([]);
});

test('a chart in which all is zero is drawn all the same', () => {
  const svg = barChart({
    ...CHART,
    panels: [{ title: 'none', bars: [{ label: 'a', value: 0, own: false }] }],
  });
  expect(svg).not.toContain('NaN');
});
