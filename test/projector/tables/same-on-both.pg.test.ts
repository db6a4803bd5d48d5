/** The read model on a real Postgres is the same as on PGlite: its rows, and the answer to every query. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../postgres/server.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import type { PageRequest, ReadStore } from '../../../projector/queries/read-store.ts';
import type { ReadModel } from '../../../projector/tables/database.ts';
import { choices, history, WEB } from '../projections/history.ts';
import { contents, openReadModel, project } from '../test-read-model.ts';

const { batches, events } = history(choices(7, 300));

let embedded: EmbeddedPostgres;
let real: ReadModel;
let pglite: ReadModel;

beforeAll(async () => {
  embedded = await startEmbeddedPostgres({ db: 'memory://' });
  [real, pglite] = await Promise.all([openReadModel(), openReadModel(embedded.url)]);
  // In as many steps as a projector might take.
  for (let at = 0; at < batches.length; at += 30) {
    const news = batches.slice(at, at + 30).flat();
    await Promise.all([project(real, news), project(pglite, news)]);
  }
});
afterAll(async () => {
  await Promise.all([real.end(), pglite.end()]);
  await embedded.close();
});

it('is on two servers', async () => {
  const versions = await Promise.all(
    [real, pglite].map(async ({ sql }) => (await sql<{ version: string }[]>`select version()`)[0]!.version),
  );
  expect(versions.map((version) => version.includes('PGlite'))).toEqual([false, true]);
});

it('has the same rows', async () => {
  const rows = await contents(real);
  expect(await contents(pglite)).toEqual(rows);
  for (const [table, found] of Object.entries(rows)) expect(found.length, table).toBeGreaterThan(1);
});

const LISTS: Record<string, (store: ReadStore, page: PageRequest) => Promise<unknown>> = {
  accounts: (store, page) => store.accounts({}, page),
  'accounts, filtered': (store, page) =>
    store.accounts({ owner: 'somebody', status: 'open', currency: 'EUR', metadata: WEB }, page),
  transfers: (store, page) => store.transfers({}, page),
  'transfers of an account': (store, page) => store.transfers({ account: 'bob', status: 'posted' }, page),
  'transfers, filtered': (store, page) =>
    store.transfers({ account: 'bob', reference: 'five', metadata: WEB }, page),
  reversals: (store, page) => store.transfers({ reverses: 'id-1' }, page),
  holds: (store, page) => store.holds({}, page),
  'holds, filtered': (store, page) => store.holds({ account: 'rich', metadata: WEB }, page),
  statement: (store, page) => store.statement('alice', { from: '2026-01-01T00:00:30Z' }, page),
  totals: (store, page) => store.totals('alice', {}, page),
};

it.each(Object.entries(LISTS))('answers the same, page by page: %s', async (_, list) => {
  const [one, other] = [createReadStore(real), createReadStore(pglite)];
  for (const limit of [1, 7, 500]) {
    const page = await list(one, { limit });
    expect(await list(other, { limit })).toEqual(page);
    const { next_cursor: cursor } = page as { next_cursor: string | null };
    if (cursor === null) continue;
    expect(await list(other, { limit, cursor })).toEqual(await list(one, { limit, cursor }));
  }
});

it('answers the same about every single thing', async () => {
  const [one, other] = [createReadStore(real), createReadStore(pglite)];
  const things = new Set(events.map(({ aggregate, aggregateId }) => `${aggregate} ${aggregateId}`));
  for (const thing of things) {
    const [kind, id = ''] = thing.split(' ');
    if (kind !== 'account' && kind !== 'transfer' && kind !== 'hold') continue;
    const found = await one[kind](id);
    expect(found).toBeDefined();
    expect(await other[kind](id)).toEqual(found);
  }
  expect(await other.position()).toBe(await one.position());
});
