import fc from 'fast-check';
import { expect, test } from 'vitest';
import { median, quantile, quantiles } from '../../../bench/report/quantiles.ts';

test('the median is the middle one, or the mean of the two in the middle, in whatever order they come', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 3])).toBe(4);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test('numbers are sorted as numbers, and the list that was given stays as it was', () => {
  const values = [100, 20, 3];
  expect(median(values)).toBe(20);
  expect(values).toEqual([100, 20, 3]);
});

test('the 99th percentile of a hundred is the 99th, of fewer the largest', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(quantiles(hundred)).toEqual({ p50: 50, p99: 99 });
  expect(quantiles([4, 8])).toEqual({ p50: 4, p99: 8 });
  expect(quantiles([]).p99).toBeNaN();
});

test('a quantile is one of the values, and at least its share of them is not above it', () => {
  const some = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1 });
  fc.assert(
    fc.property(some, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
      const found = quantile(values, share);
      expect(values).toContain(found);
      const notAbove = values.filter((value) => value <= found).length;
      const below = values.filter((value) => value < found).length;
      expect(notAbove / values.length).toBeGreaterThanOrEqual(share - 1e-9);
      expect(below / values.length).toBeLessThan(share);
    }),
  );
});
