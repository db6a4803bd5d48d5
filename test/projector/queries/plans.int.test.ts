/**
 * Every query that the read store can issue, over a million rows: none may read a table from end to end, nor sort more
 * than a page.
 */
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { encodeCursor } from '../../../projector/queries/cursor.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import type { Page, PageRequest, ReadStore } from '../../../projector/queries/read-store.ts';
import { PAGE_PLANS, type ReadModel } from '../../../projector/tables/database.ts';
import { openReadModel } from '../test-read-model.ts';
import { fill, TRANSFERS } from './million-rows.ts';
import { explain, faults, rowsRead, type Sent } from './plans.ts';

const LIMIT = 50;

/** Both sides of an account and the entries that name it are lists of their own, of which each gives a page. */
const SORTED_MAX = 3 * (LIMIT + 1);

/** With a single filter: a page of each of the three, and each of their rows looked up. */
const READ_MAX = 8 * (LIMIT + 1);

let db: ReadModel;
let sql: postgres.Sql;
let store: ReadStore;
const sent: Sent[] = [];

beforeAll(async () => {
  db = await openReadModel();
  await fill(db);
  sql = postgres(inject('servers').databaseUrl, {
    fetch_types: false,
    max: 1,
    connection: PAGE_PLANS,
    debug: (_, query, parameters) => sent.push({ query, parameters }),
  });
  store = createReadStore({ ...db, sql });
}, 240_000);
afterAll(async () => {
  await sql.end();
  await db.sql.unsafe(`drop schema "${db.schema}" cascade`);
  await db.end();
});

/** The queries that something asks. */
async function asked(what: () => Promise<unknown>): Promise<Sent[]> {
  sent.length = 0;
  await what();
  return [...sent];
}

type List = (page: PageRequest) => Promise<Page<unknown>>;

/** The queries of a list: its first page, its second, and one from the middle of everything. */
async function pagesOf(list: List): Promise<Sent[]> {
  const pages: PageRequest[] = [{ limit: LIMIT }];
  const { next_cursor: cursor } = await list({ limit: LIMIT });
  if (cursor !== null) pages.push({ limit: LIMIT, cursor }, { limit: LIMIT, cursor: inTheMiddle(cursor) });
  return asked(async () => {
    for (const page of pages) await list(page);
  });
}

function inTheMiddle(cursor: string): string {
  const [name, position, time] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [
    string,
    number,
    string?,
  ];
  return encodeCursor(name, { position: Math.max(position, 5 * TRANSFERS), time });
}

/** For each field of a filter, values and how many rows have them: many, a few, one, or none. */
type Filters = Readonly<Record<string, Readonly<Record<string, number>>>>;

const LABELS = { 'channel=web': 500_000, 'region=north': 50_000, 'order=78': 1, 'age=old': 19, 'age=new': 0 };
const ACCOUNTS = { fees: 500_000, 'account-77': 60, sleeper: 3, nobody: 0 };
const LISTS: { name: 'accounts' | 'transfers' | 'holds'; filters: Filters }[] = [
  {
    name: 'accounts',
    filters: {
      owner: { 'owner-7': 200, nobody: 0 },
      status: { open: 200_000, closed: 40, frozen: 0 },
      currency: { EUR: 198_000, USD: 2_000, CHF: 9, JPY: 0 },
      metadata: LABELS,
    },
  },
  {
    name: 'transfers',
    filters: {
      account: ACCOUNTS,
      metadata: LABELS,
      status: { posted: 980_000, rejected: 20_000, awaiting_approval: 196, failed: 0 },
      reference: { rent: 10_000, 'reference-8': 1, none: 0 },
      reverses: { 'tr-7': 1_000, 'tr-1000': 1, none: 0 },
      schedule: { daily: 50_000, none: 0 },
      bulk: { 'bulk-3': 10_000, none: 0 },
    },
  },
  {
    name: 'holds',
    filters: { account: ACCOUNTS, metadata: LABELS, status: { active: 200, captured: 200_000, voided: 0 } },
  },
];

type Chosen = { readonly field: string; readonly value: string; readonly rows: number };

function filterOf(chosen: readonly Chosen[]): object {
  return Object.fromEntries(
    chosen.map(({ field, value }) => [
      field,
      field === 'metadata' ? Object.fromEntries([value.split('=')]) : value,
    ]),
  );
}

const cases = LISTS.flatMap(({ name, filters }) => {
  const choices = Object.entries(filters).flatMap(([field, values]) =>
    Object.entries(values).map(([value, rows]): Chosen => ({ field, value, rows })),
  );
  const pairs = choices.flatMap((one) =>
    choices.filter(({ field }) => field > one.field).map((other) => [one, other]),
  );
  return [[], ...choices.map((one) => [one]), ...pairs].map((chosen) => ({ name, chosen }));
});

/** What is wrong with the queries of a list. */
async function wrongWith(list: List, readMax: number): Promise<string[]> {
  const wrong: string[] = [];
  for (const query of await pagesOf(list)) {
    const plan = await explain(sql, query);
    wrong.push(...faults(plan, { sorted: SORTED_MAX }));
    if (rowsRead(plan) > readMax) wrong.push(`reads ${rowsRead(plan)} rows: ${JSON.stringify(plan)}`);
  }
  return wrong;
}

describe('a list over a million rows', () => {
  it.each(cases.filter(({ chosen }) => chosen.length < 2))(
    'reads a page to show one: $name $chosen',
    async ({ name, chosen }) => {
      expect(await wrongWith((page) => store[name](filterOf(chosen), page), READ_MAX)).toEqual([]);
    },
  );

  it('that is filtered twice follows the filter that fewer rows pass', async () => {
    const pairs = cases.filter(({ chosen }) => chosen.length === 2);
    expect(pairs.length).toBeGreaterThan(200);
    for (const { name, chosen } of pairs) {
      const filter = filterOf(chosen);
      // Each row of the shorter list, and what it is looked up in; where many rows pass both, a page comes sooner.
      const readMax = READ_MAX + 2 * Math.min(...chosen.map(({ rows }) => rows));
      const wrong = await wrongWith((page) => store[name](filter, page), readMax);
      expect({ name, filter, wrong }).toEqual({ name, filter, wrong: [] });
    }
  }, 240_000);

  it('with several values of metadata follows the rarest', async () => {
    const metadata = { channel: 'web', region: 'north', order: '78' };
    for (const { name } of LISTS) {
      expect(await wrongWith((page) => store[name]({ metadata }, page), READ_MAX)).toEqual([]);
    }
  });

  it.each([
    ['entries', 'statement', { from: '2026-01-02T00:00:00Z', to: '2026-01-09T00:00:00Z' }],
    ['days', 'totals', { from: '2021-01-01', to: '2023-01-01' }],
  ] as const)('of the %s of an account is read from where the page begins', async (_, name, { from, to }) => {
    for (const range of [{}, { from }, { to }, { from, to }]) {
      for (const account of Object.keys(ACCOUNTS)) {
        expect(await wrongWith((page) => store[name](account, range, page), READ_MAX)).toEqual([]);
      }
    }
  });
});

describe('what has an id', () => {
  it.each([
    ['an account', () => store.account('account-77')],
    ['a transfer', () => store.transfer('tr-1000')],
    ['a hold', () => store.hold('hold-1000')],
  ])('is looked up by it: %s', async (_, look) => {
    for (const query of await asked(look)) {
      const plan = await explain(sql, query);
      expect(faults(plan, { sorted: SORTED_MAX })).toEqual([]);
      expect(rowsRead(plan)).toBeLessThanOrEqual(2);
    }
  });
});

it('calls a query slow that is', async () => {
  const [query] = await asked(() => sql`select * from ${db.table('transfers')} order by amount desc limit 1`);
  const plan = await explain(sql, query!);
  expect(faults(plan, { sorted: SORTED_MAX })).toEqual([`sorts ${TRANSFERS} rows`, 'reads all of transfers']);
});
