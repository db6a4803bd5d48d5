import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countDue, dueAt } from '../../../bench/generator/arrivals.ts';
import { openLoop } from '../../../bench/generator/load.ts';

test('requests are due evenly, the first at once', () => {
  expect([0, 1, 2, 100].map((index) => dueAt(index, 50))).toEqual([0, 20, 40, 2_000]);
  expect(countDue(-1, 50)).toBe(0);
  expect(countDue(0, 50)).toBe(1);
  expect(countDue(19.9, 50)).toBe(1);
  expect(countDue(20, 50)).toBe(2);
});

test('what is due by a time is exactly what is planned for no later, at any rate', () => {
  const rate = fc.double({ min: 0.1, max: 100_000, noNaN: true });
  const elapsed = fc.double({ min: 0, max: 60_000, noNaN: true });
  fc.assert(
    fc.property(rate, elapsed, (perSecond, elapsedMs) => {
      const count = countDue(elapsedMs, perSecond);
      expect(dueAt(count - 1, perSecond)).toBeLessThanOrEqual(elapsedMs);
      expect(dueAt(count, perSecond)).toBeGreaterThan(elapsedMs);
    }),
  );
});

test('the wait behind a server that stalls counts for all that were due meanwhile, not for one of them', async () => {
  // After the lead-in of half a second it answers nobody for 400 ms; with one client that would be one slow answer.
  const started = performance.now();
  const ask = async () => {
    const elapsed = performance.now() - started;
    if (elapsed > 500 && elapsed < 900) await new Promise((resolve) => setTimeout(resolve, 900 - elapsed));
    return 1;
  };
  const { p50, p99, perSecond, failures } = await openLoop(ask, { perSecond: 200, seconds: 0.8 });
  expect(failures).toEqual({});
  // Half of the 160 were due while it stalled, and waited 200 ms at the median.
  expect(p99).toBeGreaterThan(300);
  expect(p50).toBeLessThan(100);
  expect(perSecond).toBeGreaterThan(100);
});
