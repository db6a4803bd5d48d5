import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountResource, entryResource, transferResource } from '../../../contracts/http.ts';
import { AMOUNT_MAX } from '../../../domain/money.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import {
  InvalidCursor,
  ReadModelUnavailable,
  type Page,
  type PageRequest,
  type ReadStore,
} from '../../../projector/queries/read-store.ts';
import { connectReadModel, type ReadModel } from '../../../projector/tables/database.ts';
import { createTestLog, type TestLog } from '../../support/events/events.ts';
import { openReadModel, project } from '../test-read-model.ts';

let db: ReadModel;
let store: ReadStore;
let log: TestLog;

beforeAll(async () => {
  db = await openReadModel();
  store = createReadStore(db);
  log = createTestLog();
  log.open('alice', { owner: 'Alice', overdraftLimit: AMOUNT_MAX, metadata: { branch: '7' } });
  log.open('bob', { owner: 'Bob' });
  log.open('carol', { owner: 'Alice', currency: 'USD' });
  log.open('dora', { owner: 'Dora' });
  log.deposit('alice', AMOUNT_MAX, { id: 'd1' });
  for (let day = 1; day <= 9; day++) log.move(['alice', 'bob'], 10n, { id: `m${day}`, reference: 'rent' });
  log.move(['bob', 'bob'], 1n, { id: 'self' });
  log.move(['bob', 'alice'], 1_000n, { id: 'refused', reference: 'rent' });
  log.withdraw('bob', 5n, { id: 'w1' });
  log.setStatus('dora', 'close');
  log.receipt('dora');
  await project(db, log.events);
});
afterAll(async () => db.end());

/** All items of a list, page by page. */
async function all<Item>(list: (page: PageRequest) => Promise<Page<Item>>, limit: number): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null | undefined;
  do {
    const page: Page<Item> = await list(cursor ? { limit, cursor } : { limit });
    expect(page.data.length).toBeLessThanOrEqual(limit);
    items.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}

describe('an account', () => {
  it('is what its events say, to the last digit', async () => {
    const found = await store.account('alice');
    expect(accountResource.parse(found)).toEqual({
      id: 'alice',
      owner: 'Alice',
      currency: 'EUR',
      status: 'open',
      balances: {
        posted: `${AMOUNT_MAX - 90n}`,
        held: '0',
        available: `${AMOUNT_MAX - 90n + AMOUNT_MAX}`,
      },
      overdraft_limit: `${AMOUNT_MAX}`,
      version: 11,
      metadata: { branch: '7' },
      created_at: '2026-01-01T00:00:00.000Z',
    });
  });

  it('of the world has what everybody else lacks', async () => {
    expect(await store.account('world_EUR')).toMatchObject({
      owner: 'world',
      balances: { posted: `${5n - AMOUNT_MAX}` },
      created_at: '1970-01-01T00:00:00.000Z',
    });
  });

  it('of the world exists before anything has touched it', async () => {
    expect(await store.account('world_JPY')).toMatchObject({ version: 0, balances: { posted: '0' } });
  });

  it('that nobody created is not there', async () => {
    expect(await store.account('nobody')).toBeUndefined();
  });
});

describe('the list of accounts', () => {
  it('is oldest first, in pages of any size', async () => {
    const expected = ['alice', 'bob', 'carol', 'dora', 'world_EUR'];
    for (const limit of [1, 2, 5, 500]) {
      const found = await all((page) => store.accounts({}, page), limit);
      expect(found.map(({ id }) => id)).toEqual(expected);
    }
  });

  it.each([
    [{ owner: 'Alice' }, ['alice', 'carol']],
    [{ owner: 'Alice', currency: 'USD' }, ['carol']],
    [{ status: 'closed' }, ['dora']],
    [{ currency: 'EUR', status: 'open' }, ['alice', 'bob', 'world_EUR']],
    [{ owner: "'; drop table accounts --" }, []],
  ] as const)('can be filtered: %o', async (filter, ids) => {
    const found = await all((page) => store.accounts(filter, page), 1);
    expect(found.map(({ id }) => id)).toEqual(ids);
  });
});

describe('a transfer', () => {
  it('that was posted is what its event says', async () => {
    expect(transferResource.parse(await store.transfer('w1'))).toEqual({
      id: 'w1',
      kind: 'withdrawal',
      status: 'posted',
      source: 'bob',
      destination: 'world_EUR',
      amount: '5',
      currency: 'EUR',
      reference: null,
      metadata: {},
      created_at: '2026-01-01T00:00:16.000Z',
      completed_at: '2026-01-01T00:00:16.000Z',
      position: 39,
      workflow_id: 'commands/17',
    });
  });

  it('that was rejected says why', async () => {
    expect(await store.transfer('refused')).toMatchObject({
      status: 'rejected',
      reason: 'insufficient_funds',
    });
  });

  it('that nobody asked for is not there', async () => {
    expect(await store.transfer('nothing')).toBeUndefined();
  });
});

describe('the list of transfers', () => {
  const newestFirst = ['w1', 'refused', 'self', 'm9', 'm8', 'm7', 'm6', 'm5', 'm4', 'm3', 'm2', 'm1', 'd1'];

  it('is newest first, in pages of any size', async () => {
    for (const limit of [1, 4, 13, 500]) {
      const found = await all((page) => store.transfers({}, page), limit);
      expect(found.map(({ id }) => id)).toEqual(newestFirst);
    }
  });

  it('of an account has both its sides, and one that names it twice once', async () => {
    for (const limit of [1, 3, 500]) {
      const found = await all((page) => store.transfers({ account: 'bob' }, page), limit);
      expect(found.map(({ id }) => id)).toEqual(newestFirst.filter((id) => id !== 'd1'));
    }
  });

  it.each([
    [{ status: 'rejected' }, ['refused', 'self']],
    [{ reference: 'rent', status: 'rejected' }, ['refused']],
    [{ account: 'world_EUR' }, ['w1', 'd1']],
    [{ account: 'alice', reference: 'rent', status: 'posted' }, newestFirst.slice(3, 12)],
  ] as const)('can be filtered: %o', async (filter, ids) => {
    const found = await all((page) => store.transfers(filter, page), 2);
    expect(found.map(({ id }) => id)).toEqual(ids);
  });

  it('neither skips nor repeats when others are added between pages', async () => {
    const busy = await openReadModel();
    const events = createTestLog();
    events.open('alice');
    for (let count = 0; count < 6; count++) events.deposit('alice', 1n, { id: `before-${count}` });
    await project(busy, events.events);
    const seen: string[] = [];
    await all(async (page) => {
      const found = await createReadStore(busy).transfers({ account: 'alice' }, page);
      seen.push(...found.data.map(({ id }) => id));
      await project(busy, events.deposit('alice', 1n));
      return found;
    }, 2);
    expect(seen).toEqual([5, 4, 3, 2, 1, 0].map((count) => `before-${count}`));
    await busy.end();
  });
});

describe('a statement', () => {
  it('is oldest first, each entry with the balance after it', async () => {
    for (const limit of [1, 4, 500]) {
      const found = await all((page) => store.statement('bob', {}, page), limit);
      const balances = ['10', '20', '30', '40', '50', '60', '70', '80', '90', '85'];
      expect(found.map(({ balance }) => balance)).toEqual(balances);
      expect(found.map(({ version }) => version)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }
  });

  it('has entries as the contract describes them', async () => {
    const { data } = await store.statement('bob', {}, { limit: 1 });
    expect(entryResource.strict().parse(data[0])).toEqual({
      position: 9,
      transfer: 'm1',
      direction: 'credit',
      amount: '10',
      currency: 'EUR',
      counterparty: 'alice',
      kind: 'transfer',
      reference: 'rent',
      balance: '10',
      version: 2,
      created_at: '2026-01-01T00:00:05.000Z',
    });
  });

  it.each([
    [{ from: '2026-01-01T00:00:12Z' }, ['m8', 'm9', 'w1']],
    [{ to: '2026-01-01T00:00:07Z' }, ['m1', 'm2']],
    [{ from: '2026-01-01T00:00:06.000Z', to: '2026-01-01T00:00:08.001Z' }, ['m2', 'm3', 'm4']],
    [{ from: '0000-01-01T00:00:00Z', to: '0000-12-31T00:00:00Z' }, []],
    [{ from: '9999-12-31T23:59:59Z' }, []],
  ])('takes its beginning and leaves its end out: %o', async (range, ids) => {
    const found = await all((page) => store.statement('bob', range, page), 2);
    expect(found.map(({ transfer }) => transfer)).toEqual(ids);
  });

  it('of an account without entries is empty', async () => {
    expect(await store.statement('dora', {}, { limit: 5 })).toEqual({ data: [], next_cursor: null });
  });
});

describe('a cursor', () => {
  it('of one list is refused by another', async () => {
    const { next_cursor } = await store.statement('bob', {}, { limit: 1 });
    const page = { limit: 1, cursor: next_cursor! };
    await expect(store.statement('alice', {}, page)).rejects.toThrow(InvalidCursor);
    await expect(store.transfers({ account: 'bob' }, page)).rejects.toThrow(InvalidCursor);
    await expect(store.accounts({}, page)).rejects.toThrow(InvalidCursor);
  });
});

describe('the read model', () => {
  it('shows the position of its last event, receipts included', async () => {
    expect(await store.position()).toBe(log.events.length);
  });

  it('shows position 0 before the first event', async () => {
    const empty = await openReadModel();
    expect(await createReadStore(empty).position()).toBe(0);
    await empty.end();
  });

  it('does not wait for ever for a server that never answers', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const gone = connectReadModel(`postgres://postgres@127.0.0.1:${port}/postgres`, 'test');
    const begun = Date.now();
    await expect(createReadStore(gone).position()).rejects.toThrow(ReadModelUnavailable);
    expect(Date.now() - begun).toBeLessThan(5_000);
    silent.close();
    await gone.end();
  });

  it('is unavailable, not broken, when its tables or its server are missing', async () => {
    const missing = connectReadModel('postgres://postgres@127.0.0.1:9/postgres', 'test');
    await expect(createReadStore(missing).position()).rejects.toThrow(ReadModelUnavailable);
    await missing.end();
    const { sql } = db;
    const unprepared = { ...db, table: (name: string) => sql(`nowhere.${name}`) };
    await expect(createReadStore(unprepared).account('alice')).rejects.toThrow(ReadModelUnavailable);
  });
});
