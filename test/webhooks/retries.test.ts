import { expect, test } from 'vitest';
import { pauseAfter, RETRY_PAUSES_MS } from '../../webhooks/retries.ts';

const HOUR = 3_600_000;
const pauses = [1_000, 10_000];

test('ten attempts are spread over three days, each pause longer than the one before', () => {
  expect(RETRY_PAUSES_MS).toHaveLength(9);
  expect(RETRY_PAUSES_MS).toEqual(RETRY_PAUSES_MS.toSorted((a, b) => a - b));
  expect(RETRY_PAUSES_MS.reduce((sum, pause) => sum + pause, 0) / HOUR).toBeCloseTo(75.6, 1);
});

const after = (tries: number) => pauseAfter(tries, { pauses }, () => 0);

test('after each attempt comes its pause, and after the last one none', () => {
  expect([1, 2, 3, 4].map(after)).toEqual([1_000, 10_000, undefined, undefined]);
});

test('jitter makes a pause longer by up to a fifth, never shorter', () => {
  expect(pauseAfter(1, { pauses }, () => 0.5)).toBe(1_100);
  expect(pauseAfter(1, { pauses }, () => 0.999_999)).toBe(1_200);
});

const asked = (retryAfterMs: number) => pauseAfter(1, { pauses, retryAfterMs }, () => 0);

test('a receiver may ask for a longer pause, up to a day, and not for a shorter one', () => {
  expect([asked(500), asked(60_000), asked(1_000 * HOUR)]).toEqual([1_000, 60_000, 24 * HOUR]);
});
