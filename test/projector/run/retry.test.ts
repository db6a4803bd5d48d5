import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createRetryWhileUnreachable } from '../../../projector/run/retry.ts';

/** A server whose connections fail until a time; each work has one of its own. */
function setup(awayMs: number) {
  const told: string[] = [];
  const retry = createRetryWhileUnreachable(
    (line) => told.push(line.split(/[,.]/)[0]!),
    new AbortController().signal,
  );
  const until = performance.now() + awayMs;
  const work = async () => {
    await sleep(5);
    if (performance.now() < until) throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
    return 'done';
  };
  return { told, retry, work };
}

test('an outage is told once when it begins and once when it ends, however many wait', async () => {
  const { told, retry, work } = setup(1_500);
  const results = await Promise.all(Array.from({ length: 8 }, () => retry(work)));
  expect(results).toEqual(results.map(() => 'done'));
  expect(told).toEqual(['Postgres cannot be reached', 'Postgres answers again']);
});

test('what goes on meanwhile over another connection is not the end of an outage', async () => {
  const { told, retry, work } = setup(1_500);
  const waiting = retry(work);
  while (told.length === 0) expect(await retry(() => sleep(20, 'fine'))).toBe('fine');
  expect(await retry(() => sleep(20, 'fine'))).toBe('fine');
  expect(told).toEqual(['Postgres cannot be reached']);
  expect(await waiting).toBe('done');
  expect(told).toEqual(['Postgres cannot be reached', 'Postgres answers again']);
});

test('a connection that ends is no outage', async () => {
  const { told, retry, work } = setup(20);
  expect(await retry(work)).toBe('done');
  expect(told).toEqual([]);
});
