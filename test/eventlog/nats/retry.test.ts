import { expect, test } from 'vitest';
import { retryFor } from '../../../eventlog/nats/retry.ts';

/** Fails with these, one after the other, then succeeds. */
function failing(...errors: readonly Error[]) {
  let tries = 0;
  return async () => {
    const error = errors[tries++];
    if (error) throw error;
    return tries;
  };
}

test('what may pass is tried again, and said once', async () => {
  const told: string[] = [];
  const patience = { failure: 'It is closed', patienceMs: 10_000, tell: (line: string) => told.push(line) };
  expect(await retryFor(patience, failing(new Error('one'), new Error('two')))).toBe(3);
  expect(told).toEqual(['It is closed (Error: one); trying for 10 s.']);
});

test('what cannot pass is thrown at once, as it is', async () => {
  const wrong = new Error('wrong');
  const patience = { failure: 'It is closed', patienceMs: 10_000, mayPass: () => false };
  await expect(retryFor(patience, failing(wrong))).rejects.toBe(wrong);
});

test('when the patience is over the reason is in the message', async () => {
  const errors = Array.from({ length: 9 }, () => new Error('still closed'));
  await expect(retryFor({ failure: 'It is closed', patienceMs: 0 }, failing(...errors))).rejects.toThrow(
    'It is closed: Error: still closed',
  );
});
