import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { prefetch } from '../../../projector/run/prefetch.ts';

/** A source that counts what was taken from it, and waits to be stopped at its end. */
function source(arrays: readonly (readonly number[])[], end: Promise<void> = Promise.resolve()) {
  const state = { taken: 0 };
  async function* give() {
    for (const array of arrays) {
      state.taken += 1;
      yield array;
    }
    await end;
  }
  return { state, items: give() };
}

it('gives together what came while the caller was busy, in order, and never cuts an array', async () => {
  const arrays = [[1], [2, 3], [4, 5, 6], [7], [8, 9]];
  const given: (readonly number[])[] = [];
  for await (const some of prefetch(source(arrays).items, { max: 4, stop: () => {} })) {
    given.push(some);
    await sleep(5);
  }
  expect(given.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(given.every(({ length }) => length <= 4)).toBe(true);
  expect(given.length).toBeLessThan(arrays.length);
  // Every array begins where one of the source begins.
  expect(given.every(([first]) => arrays.some(([begin]) => begin === first))).toBe(true);
});

it('reads no further ahead than it may', async () => {
  const { state, items } = source(Array.from({ length: 100 }, (_, index) => [index, index]));
  for await (const _ of prefetch(items, { max: 4, stop: () => {} })) {
    await sleep(5);
    if (state.taken > 8) break;
  }
  expect(state.taken).toBeLessThan(12);
});

it('stops a source that waits when the caller has had enough', async () => {
  const stop = new AbortController();
  const end = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve());
  });
  for await (const some of prefetch(source([[1]], end).items, { max: 4, stop: () => stop.abort() })) {
    expect(some).toEqual([1]);
    break;
  }
  expect(stop.signal.aborted).toBe(true);
});

async function* broken() {
  yield [1];
  await Promise.reject(new Error('broken'));
}

it('throws what the source throws, after what came before it', async () => {
  const given: number[] = [];
  const reading = (async () => {
    for await (const some of prefetch(broken(), { max: 4, stop: () => {} })) given.push(...some);
  })();
  await expect(reading).rejects.toThrow('broken');
  expect(given).toEqual([1]);
});
