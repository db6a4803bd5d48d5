/** Daily totals, asked of the real Postgres that the run started. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import { InvalidCursor } from '../../../projector/queries/read-store.ts';
import type { ReadModel } from '../../../projector/tables/database.ts';
import { createTestLog, type TestLog } from '../../support/events/events.ts';
import { openReadModel, project } from '../test-read-model.ts';

let db: ReadModel;
let log: TestLog;
beforeEach(async () => {
  db = await openReadModel();
  log = createTestLog();
  await project(db, log.open('alice'));
});
afterEach(async () => db.end());

const on = (events: readonly RecordedEvent[], day: string) =>
  events.map((event) => ({ ...event, time: `${day}T12:00:00.000Z` }));

it('a day that goes on is added to, and its closing balance is the last one', async () => {
  await project(db, on(log.deposit('alice', 100n), '2026-11-23'));
  await project(db, on(log.withdraw('alice', 30n), '2026-11-23'));
  const { data } = await createReadStore(db).totals('alice', {}, { limit: 5 });
  expect(data).toEqual([
    { day: '2026-11-23', currency: 'EUR', debits: '30', credits: '100', count: 2, closing_balance: '70' },
  ]);
});

it('pages and ranges hold what they should, and sums may pass what a balance can be', async () => {
  const days = ['2026-11-21', '2026-11-22', '2026-11-23', '2026-12-01'];
  for (const day of days) await project(db, on(log.deposit('alice', 1n), day));
  const most = 9_223_372_036_854_775_000n;
  for (const amount of [most, most]) {
    await project(db, on(log.deposit('alice', amount), '2026-12-02'));
    await project(db, on(log.withdraw('alice', amount), '2026-12-02'));
  }
  const store = createReadStore(db);
  const shown: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.totals('alice', {}, { limit: 2, cursor });
    shown.push(...page.data.map(({ day }) => day));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  expect(shown).toEqual([...days, '2026-12-02']);
  const range = await store.totals('alice', { from: '2026-11-22', to: '2026-12-01' }, { limit: 5 });
  expect(range.data.map(({ day }) => day)).toEqual(['2026-11-22', '2026-11-23']);
  const [last] = (await store.totals('alice', { from: '2026-12-02' }, { limit: 5 })).data;
  expect(last).toMatchObject({ credits: `${2n * most}`, debits: `${2n * most}`, closing_balance: '4' });
  expect(
    (await store.totals('alice', { from: '0000-01-01', to: '9999-12-31' }, { limit: 5 })).data.length,
  ).toBe(5);
  const { next_cursor } = await store.statement('alice', {}, { limit: 1 });
  await expect(store.totals('alice', {}, { limit: 1, cursor: next_cursor! })).rejects.toThrow(InvalidCursor);
});
