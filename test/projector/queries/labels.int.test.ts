/** Lists that are filtered by what is written on things, as the read model answers them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import {
  InvalidCursor,
  type Page,
  type PageRequest,
  type ReadStore,
} from '../../../projector/queries/read-store.ts';
import type { ReadModel } from '../../../projector/tables/database.ts';
import { createTestLog } from '../../support/events/events.ts';
import { held, LATER, placed, step, transaction } from '../projections/commands.ts';
import { openReadModel, project } from '../test-read-model.ts';

/** The longest key and the longest value that metadata may have, in as many bytes as they may take. */
const LONG = { ['k'.repeat(64)]: '€'.repeat(500) };
const ODD = { 'a.b-c_D': `it's = "x", \\ % 100\n`, none: '' };

let db: ReadModel;
let store: ReadStore;

beforeAll(async () => {
  db = await openReadModel();
  store = createReadStore(db);
  const log = createTestLog();
  log.open('alice', { metadata: { branch: '7', tier: 'gold' } });
  log.open('bob', { metadata: { branch: '7' } });
  log.open('fees', { metadata: ODD });
  log.deposit('alice', 1_000n, { id: 'd1', metadata: { channel: 'web', branch: '7' } });
  for (const id of ['m1', 'm2', 'm3']) {
    log.move(['alice', 'bob'], 10n, { id, reference: 'rent', metadata: { channel: 'web', order: id } });
  }
  log.move(['bob', 'alice'], 9_999n, { id: 'refused', metadata: { channel: 'web' } });
  log.move(['alice', 'bob'], 1n, { id: 'long', metadata: LONG });
  log.move(['alice', 'bob'], 1n, { id: 'odd', metadata: ODD });
  const many = transaction('many', 'alice -9, bob 5, fees 4');
  log.run({
    ...many,
    terms: { ...(many as { terms: object }).terms, metadata: { channel: 'web' } },
  } as never);
  log.move(['alice', 'bob'], 5n, { id: 'waits', metadata: { channel: 'web' }, approvalExpiresAt: LATER });
  log.run(step('waits', { type: 'cancel' }));
  log.run(placed('h1', ['alice', 3n], { metadata: { channel: 'web', order: 'm1' } }));
  log.run(placed('h2', ['alice', 3n], { metadata: { channel: 'web' } }));
  log.run(held('h1', { type: 'capture', transfer: 'captured', amount: 2n }));
  await project(db, log.events);
});
afterAll(async () => db.end());

async function ids(list: (page: PageRequest) => Promise<Page<{ readonly id: string }>>, limit: number) {
  const found: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page: Page<{ readonly id: string }> = await list(cursor ? { limit, cursor } : { limit });
    found.push(...page.data.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor !== null);
  return found;
}

describe('transfers', () => {
  const web = { channel: 'web' };

  it.each([
    // A captured hold writes its own metadata on the transfer that captures it.
    [{ metadata: web }, ['captured', 'waits', 'many', 'refused', 'm3', 'm2', 'm1', 'd1']],
    [{ metadata: { ...web, order: 'm2' } }, ['m2']],
    [{ metadata: { order: 'm1' } }, ['captured', 'm1']],
    [{ metadata: { order: 'm9' } }, []],
    [{ metadata: { channel: 'we' } }, []],
    [{ metadata: { channel: 'web ' } }, []],
    [{ metadata: { 'channel=web': '' } }, []],
    [{ metadata: LONG }, ['long']],
    [{ metadata: ODD }, ['odd']],
    [{ metadata: { none: '' } }, ['odd']],
    [{ metadata: web, status: 'cancelled' }, ['waits']],
    [{ metadata: web, reference: 'rent' }, ['m3', 'm2', 'm1']],
    [{ metadata: web, account: 'fees' }, ['many']],
    [{ metadata: web, account: 'bob' }, ['waits', 'many', 'refused', 'm3', 'm2', 'm1']],
    [{ metadata: {}, account: 'fees' }, ['many']],
  ] as const)('with all of it, newest first, in pages of any size: %o', async (filter, expected) => {
    for (const limit of [1, 2, 500]) {
      expect(await ids((page) => store.transfers(filter, page), limit)).toEqual(expected);
    }
  });
});

type Metadata = Readonly<Record<string, string>>;

const accountsWith = (metadata: Metadata) => ids((page) => store.accounts({ metadata }, page), 1);
const holdsWith = (metadata: Metadata) => ids((page) => store.holds({ account: 'alice', metadata }, page), 1);

it('finds accounts, oldest first', async () => {
  expect(await accountsWith({ branch: '7' })).toEqual(['alice', 'bob']);
  expect(await accountsWith({ branch: '7', tier: 'gold' })).toEqual(['alice']);
  expect(await accountsWith(ODD)).toEqual(['fees']);
  expect(await accountsWith({ channel: 'web' })).toEqual([]);
});

it('finds holds, newest first, whatever has become of them', async () => {
  expect(await holdsWith({ channel: 'web' })).toEqual(['h2', 'h1']);
  expect(await holdsWith({ channel: 'web', order: 'm1' })).toEqual(['h1']);
  expect(await holdsWith({ branch: '7' })).toEqual([]);
});

it('gives cursors that only the same filter takes', async () => {
  const metadata = { channel: 'web' };
  const { next_cursor: cursor } = await store.transfers({ metadata }, { limit: 1 });
  const page = { limit: 1, cursor: cursor! };
  expect((await store.transfers({ metadata: { ...metadata } }, page)).data).toHaveLength(1);
  for (const filter of [{}, { metadata: { channel: 'shop' } }, { metadata: { ...metadata, order: 'm1' } }]) {
    await expect(store.transfers(filter, page)).rejects.toThrow(InvalidCursor);
  }
});
