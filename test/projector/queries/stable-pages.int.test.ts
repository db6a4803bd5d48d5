/**
 * Lists are read page by page while the projector writes: rows are added, and what is listed changes its status. What
 * was there from the beginning, and still is, comes once and in its place.
 */
import { describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import type { Page, PageRequest, ReadStore } from '../../../projector/queries/read-store.ts';
import type { ReadModel } from '../../../projector/tables/database.ts';
import { choices, history, WEB } from '../projections/history.ts';
import { openReadModel, project } from '../test-read-model.ts';

type List = (store: ReadStore, page: PageRequest) => Promise<Page<object>>;

const LISTS: Record<string, List> = {
  accounts: (store, page) => store.accounts({}, page),
  'accounts of an owner': (store, page) => store.accounts({ owner: 'somebody' }, page),
  'accounts by metadata': (store, page) => store.accounts({ metadata: WEB }, page),
  transfers: (store, page) => store.transfers({}, page),
  'transfers of an account': (store, page) => store.transfers({ account: 'alice' }, page),
  'transfers by metadata': (store, page) => store.transfers({ metadata: WEB }, page),
  'transfers of an account by metadata': (store, page) =>
    store.transfers({ account: 'bob', metadata: WEB }, page),
  'transfers that were posted': (store, page) => store.transfers({ status: 'posted' }, page),
  'transfers that wait': (store, page) => store.transfers({ status: 'awaiting_approval' }, page),
  holds: (store, page) => store.holds({}, page),
  'holds that are active': (store, page) => store.holds({ status: 'active' }, page),
  'holds by metadata': (store, page) => store.holds({ account: 'rich', metadata: WEB }, page),
  statement: (store, page) => store.statement('alice', {}, page),
};

/** A thing by what never changes of it: its id, or the position of an entry. */
function keyOf(item: object): string {
  const { id, position } = item as { id?: string; position?: number };
  return id ?? `${position}`;
}

async function keysOf(list: (page: PageRequest) => Promise<Page<object>>, limit: number): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page: Page<object> = await list(cursor ? { limit, cursor } : { limit });
    keys.push(...page.data.map(keyOf));
    cursor = page.next_cursor;
  } while (cursor !== null);
  return keys;
}

/** Applies batch after batch, so that each may come between two pages. */
async function write(db: ReadModel, batches: readonly (readonly RecordedEvent[])[]): Promise<void> {
  for (const batch of batches) await project(db, batch);
}

describe.each([1, 2, 3])('while the projector writes history %i', (seed) => {
  it('every list neither repeats nor skips', async () => {
    const db = await openReadModel();
    const store = createReadStore(db);
    const { batches } = history(choices(seed, 240));
    const half = Math.floor(batches.length / 2);
    await project(db, batches.slice(0, half).flat());
    const lists = Object.entries(LISTS).map(([name, list], index) => ({
      name,
      all: () => keysOf((page) => list(store, page), 500),
      bit: () => keysOf((page) => list(store, page), 1 + ((index + seed) % 3)),
    }));
    const before = await Promise.all(lists.map(({ all }) => all()));
    const writing = write(db, batches.slice(half));
    const seen = await Promise.all(lists.map(({ bit }) => bit()));
    await writing;
    const after = await Promise.all(lists.map(({ all }) => all()));
    for (const [index, { name }] of lists.entries()) {
      const stayed = after[index]!.filter((key) => before[index]!.includes(key));
      const shown = seen[index]!;
      expect({ name, repeated: shown.filter((key, at) => shown.indexOf(key) !== at) }).toEqual({
        name,
        repeated: [],
      });
      expect({ name, shown: shown.filter((key) => stayed.includes(key)) }).toEqual({ name, shown: stayed });
    }
    // It has been a test of something: there was much to list, more came, and some of it moved on.
    expect(Math.min(...after.map(({ length }) => length))).toBeGreaterThan(0);
    expect(after.flat().length).toBeGreaterThan(before.flat().length);
    const waiting = lists.findIndex(({ name }) => name === 'transfers that wait');
    expect(before[waiting]!.every((key) => after[waiting]!.includes(key))).toBe(false);
    await db.end();
  }, 60_000);
});
