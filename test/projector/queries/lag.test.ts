import { expect, it } from 'vitest';
import { measureLag } from '../../../projector/queries/lag.ts';
import type { ProjectionStatus } from '../../../projector/tables/checkpoint.ts';
import { createTestLog } from '../../support/events/events.ts';

const log = createTestLog();
log.open('alice');
log.deposit('alice', 1n);
const standing = (given: Partial<ProjectionStatus>): ProjectionStatus => ({
  name: 'balances',
  version: 1,
  position: 4,
  error: null,
  parked: 0,
  building: null,
  ...given,
});
const read = (after: number, limit: number) => Promise.resolve(log.events.slice(after, after + limit));

it('who is at the end of the log is not behind, however long nothing has happened', async () => {
  const [at] = await measureLag([standing({})], { log: { read }, last: 4 });
  expect(at).toEqual({
    name: 'balances',
    version: 1,
    status: 'live',
    position: 4,
    lag_events: 0,
    lag_seconds: 0,
    parked: 0,
  });
});

it('who is behind is so since the first event that it does not show', async () => {
  const [behind] = await measureLag([standing({ position: 1 })], { log: { read }, last: 4 });
  expect(behind!.lag_events).toBe(3);
  const waited = (Date.now() - Date.parse(log.events[1]!.time)) / 1_000;
  expect(behind!.lag_seconds).toBeGreaterThan(waited - 5);
  expect(behind!.lag_seconds).toBeLessThanOrEqual(waited);
});

it('what is not known is not told', async () => {
  const [unknown] = await measureLag([standing({})], { log: { read }, last: undefined });
  expect(unknown).toMatchObject({ lag_events: null, lag_seconds: null });
  const broken = { read: () => Promise.reject(new Error('no such type')) };
  const [unread] = await measureLag([standing({ position: 1, error: 'odd' })], { log: broken, last: 4 });
  expect(unread).toMatchObject({ status: 'stopped', error: 'odd', lag_events: 3, lag_seconds: null });
});

it('what is being built is told beside what is live', async () => {
  const [both] = await measureLag([standing({ building: { version: 2, position: 3 } })], {
    log: { read },
    last: 4,
  });
  expect(both!.rebuild).toEqual({ version: 2, position: 3 });
});
