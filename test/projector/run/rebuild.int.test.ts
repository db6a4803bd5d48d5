/** A projection that is built anew while the log grows and queries go on, on the real servers that the run started. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { PROJECTIONS } from '../../../projector/projections/index.ts';
import type { Projection } from '../../../projector/projections/projection.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import { runProjector, runRebuild, type ProjectorOptions } from '../../../projector/run/projector.ts';
import { readStatuses } from '../../../projector/tables/checkpoint.ts';
import type { ReadModel } from '../../../projector/tables/database.ts';
import { createTestLog, type TestLog } from '../../support/events/events.ts';
import { contents, openReadModel, project } from '../test-read-model.ts';

let db: ReadModel;
let log: TestLog;
beforeEach(async () => {
  db = await openReadModel();
  log = createTestLog();
});
afterEach(async () => db.end());

const ALL = Object.values(PROJECTIONS);

/** The log as it is at any time: what is there, then what comes. */
function following(every = 20, pauseMs = 0): ProjectorOptions['log'] {
  return {
    async *follow(after, signal) {
      for (let position = after; !signal.aborted;) {
        const end = log.events.findIndex(
          (event, at) => at >= position + every - 1 && (event.batch?.last ?? true),
        );
        const some = log.events.slice(position, end === -1 ? log.events.length : end + 1);
        if (some.length > 0) yield some;
        if (pauseMs > 0) await sleep(pauseMs);
        position += some.length;
        if (some.length === 0) await sleep(2);
      }
    },
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Something that runs beside the test, until it is ended. */
function beside(work: (signal: AbortSignal) => Promise<void>) {
  const stop = new AbortController();
  const done = work(stop.signal);
  done.catch(() => {});
  return async () => {
    stop.abort();
    await done;
  };
}

const projecting = (options: Partial<ProjectorOptions> = {}) =>
  beside(async (signal) =>
    runProjector({ db, log: following(), announce: () => {}, tell: () => {}, ...options }, signal),
  );

function rebuild(projection: Projection, signal = new AbortController().signal, more = {}) {
  const quiet = { announce: () => {}, tell: () => {} };
  return runRebuild({ db, log: following(), ...quiet, projection, anew: false, atLeast: 0, ...more }, signal);
}

/** Begins a rebuild, and ends it before it is done. */
async function interrupt(projection: Projection): Promise<void> {
  const stop = new AbortController();
  await rebuild(projection, stop.signal, { progress: () => stop.abort(), log: following(20, 50) });
}

/** Rebuilds, and gives the first position that was reached. */
async function firstOf(projection: Projection, anew: boolean): Promise<number | undefined> {
  const positions: number[] = [];
  const progress = (_: string, position: number) => positions.push(position);
  await rebuild(projection, undefined, { anew, progress, log: following(10, 20) });
  return positions[0];
}

/** Accounts that money goes round between. */
function fill(batches: number): void {
  if (log.events.length === 0) for (const id of ['alice', 'bob']) log.open(id, { metadata: { of: id } });
  for (let turn = 0; turn < batches; turn += 1) {
    if (turn % 2 === 0) log.deposit('alice', 10n);
    else log.move(['alice', 'bob'], 3n, { metadata: { turn: `${turn}` } });
  }
}

async function untilShown(position: () => number = () => log.events.length): Promise<void> {
  for (;;) {
    const all = await readStatuses(db);
    if (all.every((standing) => standing.position >= position())) return;
    await sleep(10);
  }
}

describe('a rebuild', () => {
  it.each(ALL)('of $name makes the same rows as before', async (projection) => {
    fill(60);
    await project(db, log.events);
    const before = await contents(db);
    await rebuild(projection);
    expect(await contents(db)).toEqual(before);
    const schemas = await db.sql`
      select nspname from pg_namespace where starts_with(nspname, ${`${db.schema}:`})`;
    expect(schemas).toEqual([]);
  });

  it('heals rows that were not as the log says, and makes all indexes again', async () => {
    fill(30);
    await project(db, log.events);
    const before = await contents(db);
    const indexes = async () => db.sql`
      select indexname, indexdef from pg_indexes where schemaname = ${db.schema} order by indexname`;
    const indexed = await indexes();
    await db.sql`update ${db.table('accounts')} set posted = posted + 1`;
    await db.sql`delete from ${db.table('entries')}`;
    await rebuild(PROJECTIONS.balances);
    expect(await contents(db)).toEqual(before);
    expect(await indexes()).toEqual(indexed);
  });

  it('goes on while the log grows: no query fails, and none shows less than one before it', async () => {
    fill(100);
    await project(db, log.events);
    const stopWriting = beside(async (signal) => {
      while (!signal.aborted) {
        fill(2);
        await sleep(3);
      }
    });
    const stopProjecting = projecting();
    const store = createReadStore(db);
    let asked = 0;
    const stopAsking = beside(async (signal) => {
      let [position, version, entries] = [0, 0, 0];
      while (!signal.aborted) {
        const shown = await store.position('balances');
        const account = await store.account('bob');
        const statement = await store.statement('bob', {}, { limit: 500 });
        const list = await store.transfers({ account: 'alice' }, { limit: 500 });
        const days = await store.totals('bob', {}, { limit: 5 });
        expect(list.data.length).toBeGreaterThan(0);
        expect(days.data.length).toBe(1);
        expect(shown).toBeGreaterThanOrEqual(position);
        expect(account!.version).toBeGreaterThanOrEqual(version);
        expect(statement.data.length).toBeGreaterThanOrEqual(entries);
        [position, version, entries] = [shown, account!.version, statement.data.length];
        asked += 1;
      }
    });
    for (const projection of ALL) await rebuild(projection);
    await stopWriting();
    await untilShown();
    await stopAsking();
    await stopProjecting();
    expect(asked).toBeGreaterThan(5);
    const reference = await openReadModel();
    await project(reference, log.events);
    expect(await contents(db)).toEqual(await contents(reference));
    await reference.end();
  });

  it('that was interrupted goes on where it was', async () => {
    fill(100);
    await project(db, log.events);
    const before = await contents(db);
    const stop = new AbortController();
    const reached: number[] = [];
    const progress = (_: string, position: number) => {
      reached.push(position);
      stop.abort();
    };
    await rebuild(PROJECTIONS.transfers, stop.signal, { progress, log: following(20, 50) });
    const [, , interrupted] = await readStatuses(db);
    expect(interrupted!.building!.position).toBe(reached.at(-1));
    expect(interrupted!.building!.position).toBeLessThan(log.events.length);
    expect(await contents(db)).toMatchObject({ transfers: before.transfers });
    const again: number[] = [];
    await rebuild(PROJECTIONS.transfers, undefined, {
      progress: (_: string, position: number) => again.push(position),
    });
    expect(again[0]).toBeGreaterThan(reached.at(-1)!);
    expect(await contents(db)).toEqual(before);
  });

  it('that was interrupted begins anew if it is told to, or if another version had begun it', async () => {
    fill(100);
    await project(db, log.events);
    await interrupt(PROJECTIONS.totals);
    expect(await firstOf(PROJECTIONS.totals, true)).toBeLessThan(80);
    await interrupt({ ...PROJECTIONS.totals, version: 2 });
    expect(await firstOf(PROJECTIONS.totals, false)).toBeLessThan(80);
    expect(await readStatuses(db)).toMatchObject([{}, { name: 'totals', version: 1, building: null }, {}]);
  });

  it('never takes the place of tables that show more', async () => {
    fill(50);
    await project(db, log.events);
    const shorter = log.events.slice(0, log.events.length - 10);
    const stop = new AbortController();
    let reached = 0;
    const waiting = rebuild(PROJECTIONS.totals, stop.signal, {
      progress: (_: string, position: number) => (reached = position),
      log: {
        async *follow(after: number, signal: AbortSignal) {
          const rest: readonly RecordedEvent[] = shorter.slice(after);
          if (rest.length > 0) yield rest;
          while (!signal.aborted) await sleep(5);
        },
      },
    });
    await expect.poll(() => reached, { timeout: 15_000 }).toBe(shorter.length);
    await sleep(500);
    stop.abort();
    await waiting;
    const standing = (await readStatuses(db)).find(({ name }) => name === 'totals');
    expect(standing).toMatchObject({ position: log.events.length, building: { position: shorter.length } });
  });
});

/** Totals that count in pairs: another version, which gives other rows. */
const CHANGED: Projection = {
  ...PROJECTIONS.totals,
  version: 2,
  apply: (events) => ({
    daily_totals: (PROJECTIONS.totals.apply(events).daily_totals as { count: number }[]).map((row) => ({
      ...row,
      count: row.count * 2,
    })),
  }),
};

describe('a changed version', () => {
  it('is built at the start, beside the live one, and takes its place', async () => {
    fill(100);
    await project(db, log.events);
    const told: string[] = [];
    const end = projecting({
      projections: [PROJECTIONS.balances, PROJECTIONS.transfers, CHANGED],
      tell: (line) => told.push(line),
    });
    const isLive = async () => (await readStatuses(db)).find(({ name }) => name === 'totals')?.version === 2;
    while (!(await isLive())) await sleep(10);
    fill(10);
    await untilShown();
    await end();
    const [row] = await db.sql<{ count: string }[]>`
      select count from ${db.table('daily_totals')} where account = 'bob'`;
    expect(Number(row!.count)).toBe(
      2 * log.events.filter((event) => event.aggregateId === 'bob' && event.name === 'MoneyDeposited').length,
    );
    expect(told).toEqual(['The projection "totals" is at version 1: building version 2 beside it.']);
  });

  it('is left alone by a projector of the version before, which goes on with the rest', async () => {
    fill(20);
    await project(db, log.events);
    const told: string[] = [];
    const endOld = projecting({ tell: (line) => told.push(line) });
    await rebuild(CHANGED);
    fill(40);
    const balances = async () => (await readStatuses(db)).find(({ name }) => name === 'balances')!.position;
    while ((await balances()) < log.events.length) await sleep(10);
    await endOld();
    const totals = (await readStatuses(db)).find(({ name }) => name === 'totals');
    expect(told.at(-1)).toContain('"totals" is live in version 2: this projector, of version 1, leaves it.');
    expect(totals).toMatchObject({ version: 2 });
    expect(totals!.position).toBeLessThan(log.events.length);
  });
});

it('what is far behind keeps nothing else waiting, and joins when it has caught up', async () => {
  log.open('alice');
  while (log.events.length < 13_000) log.deposit('alice', 1n);
  const half = log.events.slice(0, 12_999 - ((12_999 - 1) % 3));
  await project(db, half);
  await db.sql`update ${db.table('projections')} set position = 0 where name = 'totals'`;
  await db.sql`delete from ${db.table('daily_totals')}`;
  const atEnd = new Set<string>();
  const announce = (name: string, position: number) => {
    if (position === log.events.length) atEnd.add(name);
  };
  // Whoever reads from the beginning is let no further than the first events: whoever waits for it gets nowhere.
  const gate = new AbortController();
  let readings = 0;
  const gated: ProjectorOptions['log'] = {
    async *follow(after: number, signal: AbortSignal) {
      readings += 1;
      try {
        for await (const some of following(500).follow(after, signal)) {
          yield some;
          if (after === 0) await aborted(AbortSignal.any([gate.signal, signal]));
        }
      } finally {
        readings -= 1;
      }
    },
  };
  const end = projecting({ announce, log: gated });
  await expect.poll(() => [...atEnd].toSorted(), { timeout: 20_000 }).toEqual(['balances', 'transfers']);
  expect(readings).toBe(2);
  gate.abort();
  await untilShown();
  await expect.poll(() => readings).toBe(1);
  log.deposit('alice', 1n);
  await untilShown();
  await end();
  const [row] = await db.sql<{ count: string }[]>`
    select count from ${db.table('daily_totals')} where account = 'alice'`;
  expect(Number(row!.count)).toBe(log.events.filter(({ name }) => name === 'MoneyDeposited').length);
});
