/** People who read by a role of their own, beside a projector that must not wait for them. */
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { PROJECTIONS } from '../../../projector/projections/index.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import { runRebuild } from '../../../projector/run/projector.ts';
import { limitReaders } from '../../../projector/run/readers.ts';
import { readStatuses } from '../../../projector/tables/checkpoint.ts';
import { connectReadModel, type ReadModel } from '../../../projector/tables/database.ts';
import { createTestLog, followInMemory, type TestLog } from '../../support/events/events.ts';
import { openReadModel, project } from '../test-read-model.ts';

let db: ReadModel;
let log: TestLog;
let reader: postgres.Sql;

beforeEach(async () => {
  db = await openReadModel();
  log = createTestLog();
  log.open('alice');
  log.open('bob');
  log.deposit('alice', 100n);
  log.move(['alice', 'bob'], 30n);
  await project(db, log.events);
  reader = readerOf(db);
});
afterEach(async () => {
  await reader.end({ timeout: 0 });
  await db.end();
});

function readerOf({ schema }: ReadModel): postgres.Sql {
  const connection = { search_path: `"${schema}"` };
  return postgres(inject('servers').readerUrl, { max: 1, onnotice: () => {}, connection });
}

function rebuild(on = db) {
  const source = followInMemory([log.events]);
  const quiet = { announce: () => {}, tell: () => {} };
  const build = { projection: PROJECTIONS.balances, anew: false, atLeast: 0 };
  return runRebuild({ db: on, log: source, ...quiet, ...build }, new AbortController().signal);
}

/** A session, by the number of its process. */
async function sessionOf(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row!.pid;
}

async function isThere(session: number): Promise<boolean> {
  return (await db.sql`select from pg_stat_activity where pid = ${session}`).length > 0;
}

/** Leaves a transaction open without any limit, which has read a table and a view. */
async function sitInTransaction(): Promise<number> {
  await reader.unsafe(`
    set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set transaction_timeout = 0`);
  await reader.unsafe('begin');
  await reader`select count(*) from accounts`;
  await reader`select count(*) from journal`;
  return sessionOf(reader);
}

describe('the views', () => {
  it('show the books', async () => {
    expect(
      await reader`select account, posted::text, available::text from balances order by account`,
    ).toEqual([
      { account: 'alice', posted: '70', available: '70' },
      { account: 'bob', posted: '30', available: '30' },
      { account: 'world_EUR', posted: '-100', available: null },
    ]);
    expect(await reader`select account, debit, credit from journal order by position`).toEqual([
      { account: 'world_EUR', debit: '100', credit: null },
      { account: 'alice', debit: null, credit: '100' },
      { account: 'alice', debit: '30', credit: null },
      { account: 'bob', debit: null, credit: '30' },
    ]);
    expect(await reader`select * from trial_balance order by currency, account`).toEqual([
      { currency: 'EUR', account: 'alice', debit: '0', credit: '70' },
      { currency: 'EUR', account: 'bob', debit: '0', credit: '30' },
      { currency: 'EUR', account: 'world_EUR', debit: '100', credit: '0' },
      { currency: 'EUR', account: null, debit: '100', credit: '100' },
    ]);
    const lines = await reader`
      select debit, credit, balance, counterparty from statement where account = 'alice' order by position`;
    expect(lines).toEqual([
      { debit: null, credit: '100', balance: '100', counterparty: 'world_EUR' },
      { debit: '30', credit: null, balance: '70', counterparty: 'bob' },
    ]);
  });

  it('are there after a rebuild, and so are the rights to read', async () => {
    const before = await reader`select * from statement order by position`;
    for (let round = 0; round < 2; round += 1) await rebuild();
    expect(await reader`select * from statement order by position`).toEqual(before);
    expect(await reader`select count(*)::integer from accounts`).toEqual([{ count: 3 }]);
  });
});

it.each([
  ['a row', `insert into projections values ('more', 'live', 1, 0)`],
  ['a row, through a view', 'delete from balances'],
  ['a table', 'create table mine ()'],
  ['a table for the session', 'create temporary table mine ()'],
  ['a schema', 'create schema mine'],
  ['a large object', 'select lo_create(0)'],
  ['a lock that others wait for', 'lock table accounts in share mode'],
  ['a role', 'create role mine'],
  ['a file', `copy accounts to '/tmp/accounts'`],
])('readers can only read: not make or change %s', async (_, statement) => {
  await reader`set default_transaction_read_only = off`;
  await expect(reader.begin((session) => session.unsafe(statement))).rejects.toThrow(
    /permission denied|must be owner/,
  );
});

it('a rebuild waits for readers a few seconds, whatever they hold, and queries go on meanwhile', async () => {
  const session = await sitInTransaction();
  const store = createReadStore(db);
  const begun = performance.now();
  const state = { live: false };
  const rebuilding = rebuild().finally(() => (state.live = true));
  let longest = 0;
  let asked = 0;
  while (!state.live) {
    const since = performance.now();
    expect(await store.account('alice')).toMatchObject({ balances: { posted: '70' } });
    longest = Math.max(longest, performance.now() - since);
    asked += 1;
    await sleep(5);
  }
  await rebuilding;
  const took = performance.now() - begun;
  expect(took).toBeGreaterThan(5_000);
  expect(took).toBeLessThan(12_000);
  expect(asked).toBeGreaterThan(50);
  // A try waits 0.2 s, and whoever asks then waits behind it.
  expect(longest).toBeLessThan(1_500);
  await expect.poll(() => isThere(session)).toBe(false);
  expect((await readStatuses(db)).find(({ name }) => name === 'balances')).toMatchObject({ building: null });
  // Whoever was sent away comes again, and sees the new tables.
  const again = readerOf(db);
  expect(await again`select count(*)::integer from statement`).toEqual([{ count: 4 }]);
  await again.end();
}, 60_000);

it('a transaction of theirs ends when it was open for too long, and those of others do not', async () => {
  const session = await sitInTransaction();
  const other = postgres(inject('servers').databaseUrl, { max: 1, onnotice: () => {} });
  await other.unsafe('begin');
  const ours = await sessionOf(other);
  const stop = new AbortController();
  const told: string[] = [];
  const tell = (line: string) => told.push(line);
  const limiting = limitReaders({ db, tell, transactionMaxMs: 3_000 }, stop.signal);
  await sleep(500);
  expect(await isThere(session)).toBe(true);
  await expect.poll(() => told).toEqual([expect.stringMatching(/^Ended reader sessions \([1-9]/)]);
  await expect.poll(() => isThere(session)).toBe(false);
  expect(await isThere(ours)).toBe(true);
  stop.abort();
  await limiting;
  await other.end({ timeout: 0 });
});

it('where our role may not end their sessions, that is said, and a rebuild waits for them', async () => {
  const role = `app_${db.schema}`;
  await db.sql.unsafe(`
    create role "${role}" login password 'app';
    alter schema "${db.schema}" owner to "${role}";
    grant create on database postgres to "${role}";
    do $$ declare name text; begin
      for name in select relname from pg_class
        where relnamespace = '"${db.schema}"'::regnamespace and relkind in ('r', 'v')
      loop execute format('alter table %I.%I owner to %I', '${db.schema}', name, '${role}'); end loop;
    end $$`);
  const url = Object.assign(new URL(inject('servers').databaseUrl), { username: role, password: 'app' });
  const app = connectReadModel(url.href, db.schema.replace('ledger_', ''));
  const session = await sitInTransaction();
  const told: string[] = [];
  const tell = (line: string) => told.push(line);
  await limitReaders({ db: app, tell, transactionMaxMs: 500 }, AbortSignal.timeout(1_500));
  expect(told).toEqual(['Readers are not limited: our role is not a member of tallybook_reader.']);
  const state = { live: false };
  const rebuilding = rebuild(app).then(() => (state.live = true));
  await sleep(7_000);
  expect(state.live).toBe(false);
  expect(await isThere(session)).toBe(true);
  await db.sql.unsafe(`grant tallybook_reader to "${role}"`);
  await rebuilding;
  await expect.poll(() => isThere(session)).toBe(false);
  await app.end();
  await db.sql.unsafe(`drop owned by "${role}"; drop role "${role}"`);
});

it('readers have few connections of a server’s, so the others remain', async () => {
  const crowd = Array.from({ length: 12 }, () =>
    postgres(inject('servers').readerUrl, { max: 1, onnotice: () => {} }),
  );
  const answers = await Promise.allSettled(crowd.map((sql) => sql`select 1`));
  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [String(answer.reason)] : []));
  expect(refused.length).toBeGreaterThanOrEqual(2);
  for (const reason of refused) expect(reason).toContain('too many connections for role');
  await Promise.all(crowd.map((sql) => sql.end({ timeout: 0 })));
});
