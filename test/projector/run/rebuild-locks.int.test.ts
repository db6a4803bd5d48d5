/** A rebuild beside queries that take long, and beside people who keep a transaction open. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PROJECTIONS } from '../../../projector/projections/index.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import { runRebuild } from '../../../projector/run/projector.ts';
import { readStatuses } from '../../../projector/tables/checkpoint.ts';
import type { ReadModel } from '../../../projector/tables/database.ts';
import { createTestLog, followInMemory } from '../../support/events/events.ts';
import { openReadModel, project } from '../test-read-model.ts';

let db: ReadModel;
const log = createTestLog();
log.open('alice');
for (let turn = 0; turn < 20; turn += 1) log.deposit('alice', 1n);

beforeEach(async () => {
  db = await openReadModel();
  await project(db, log.events);
});
afterEach(async () => db.end());

function rebuild() {
  const quiet = { announce: () => {}, tell: () => {} };
  const source = followInMemory([log.events]);
  const signal = new AbortController().signal;
  return runRebuild(
    { db, log: source, ...quiet, projection: PROJECTIONS.transfers, anew: false, atLeast: 0 },
    signal,
  );
}

it('waits for a long query to end, and keeps no other query waiting meanwhile', async () => {
  const store = createReadStore(db);
  const long = db.sql`select pg_sleep(3), count(*) from ${db.table('transfers')}`.execute();
  await sleep(200);
  const state = { live: false };
  const rebuilding = rebuild().then(() => (state.live = true));
  let longest = 0;
  let asked = 0;
  while (!state.live) {
    const begun = performance.now();
    const { data } = await store.transfers({ account: 'alice' }, { limit: 5 });
    expect(data.length).toBe(5);
    longest = Math.max(longest, performance.now() - begun);
    asked += 1;
  }
  await rebuilding;
  expect((await long)[0]).toMatchObject({ count: '20' });
  expect(asked).toBeGreaterThan(20);
  // A try waits 0.2 s for the long query, and whoever asks then waits behind it.
  expect(longest).toBeLessThan(1_000);
  const transfers = (await readStatuses(db)).find(({ name }) => name === 'transfers');
  expect(transfers).toMatchObject({ position: log.events.length, building: null });
});

it('is met by many queries of several tables at once, and none fails', async () => {
  const store = createReadStore(db);
  const state = { over: false, asked: 0 };
  const asking = Array.from({ length: 8 }, async () => {
    while (!state.over) {
      await store.transfers({ account: 'alice' }, { limit: 5 });
      await store.transfer('transfer-2');
      state.asked += 2;
    }
  });
  for (let round = 0; round < 5; round += 1) await rebuild();
  state.over = true;
  await Promise.all(asking);
  expect(state.asked).toBeGreaterThan(50);
});
