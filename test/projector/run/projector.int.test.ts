import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { startReadModel } from '../../../dev/servers/servers.ts';
import { PROJECTION_NAMES } from '../../../projector/projections/projection.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import { runProjector, type ProjectorOptions } from '../../../projector/run/projector.ts';
import { readPosition } from '../../../projector/tables/checkpoint.ts';
import { connectReadModel, type ReadModel } from '../../../projector/tables/database.ts';
import { createTestLog, followInMemory } from '../../support/events/events.ts';
import { contents, openReadModel, project } from '../test-read-model.ts';

/** Batches in which money goes round between three accounts. */
function batches(count: number): RecordedEvent[][] {
  const log = createTestLog();
  const names = ['alice', 'bob', 'carol'] as const;
  const made = names.map((name) => log.open(name));
  for (let turn = 0; made.length < count; turn++) {
    const name = names[turn % 3]!;
    const next = names[(turn + 1) % 3]!;
    made.push(turn % 2 === 0 ? log.deposit(name, 100n) : log.move([name, next], 60n));
  }
  return made;
}

/** A log that grows while it is followed. */
function slowly(arrays: readonly (readonly RecordedEvent[])[]): ProjectorOptions['log'] {
  return {
    async *follow(after, signal) {
      for await (const array of followInMemory(arrays).follow(after, signal)) {
        yield array;
        await sleep(5);
      }
    },
  };
}

/** A projector on its own, with what it said: the positions that all projections have reached. */
function start(
  db: ReadModel,
  arrays: readonly (readonly RecordedEvent[])[],
  options: Partial<ProjectorOptions> = {},
) {
  const stop = new AbortController();
  const reached = new Map<string, number>();
  const announced: number[] = [];
  const told: string[] = [];
  const ended = runProjector(
    {
      db,
      log: followInMemory(arrays),
      announce: (name, position) => {
        reached.set(name, position);
        announced.push(Math.min(...PROJECTION_NAMES.map((each) => reached.get(each) ?? 0)));
      },
      tell: (line) => told.push(line),
      ...options,
    },
    stop.signal,
  );
  const end = async () => {
    stop.abort();
    await ended;
  };
  return { announced, told, ended, end };
}

describe('the projector', () => {
  it('applies every batch, and tells each position after it can be read', async () => {
    const db = await openReadModel();
    const arrays = batches(20);
    const stop = new AbortController();
    const readable: Promise<boolean>[] = [];
    const ended = new Set<string>();
    const announce: ProjectorOptions['announce'] = (name, position) => {
      readable.push(readPosition(db, name).then((found) => found >= position));
      if (position === arrays.flat().length) ended.add(name);
      if (ended.size === PROJECTION_NAMES.length) stop.abort();
    };
    await runProjector({ db, log: followInMemory(arrays), announce, tell: () => {} }, stop.signal);
    expect(await readPosition(db)).toBe(arrays.flat().length);
    expect(await Promise.all(readable)).toEqual(readable.map(() => true));
    await db.end();
  });

  it('makes the same read model however often it is restarted', async () => {
    const [once, often] = await Promise.all([openReadModel(), openReadModel()]);
    const arrays = batches(30);
    const last = arrays.flat().length;
    const whole = start(once, [arrays.flat()]);
    await vi.waitFor(() => expect(whole.announced.at(-1)).toBe(last), 15_000);
    await whole.end();
    for (let run = 1; run <= 10; run++) {
      const upTo = arrays.slice(0, run * 3);
      const projector = start(often, upTo);
      await vi.waitFor(() => expect(projector.announced.at(-1)).toBe(upTo.flat().length), 15_000);
      await projector.end();
    }
    expect(await contents(often)).toEqual(await contents(once));
    await Promise.all([once.end(), often.end()]);
  });

  it('leaves out what is delivered again', async () => {
    const db = await openReadModel();
    const arrays = batches(12);
    const again = [arrays.slice(0, 6).flat(), arrays.slice(2, 8).flat(), arrays.slice(0, 12).flat()];
    const projector = start(db, again);
    await vi.waitFor(() => expect(projector.announced.at(-1)).toBe(arrays.flat().length), 15_000);
    await projector.end();
    const { entries } = await contents(db);
    expect(entries.length).toBe(arrays.flat().filter(({ name }) => name.startsWith('Money')).length);
    await db.end();
  });

  it('never applies an event twice when two of it run', async () => {
    const [db, reference] = await Promise.all([openReadModel(), openReadModel()]);
    const arrays = batches(60);
    await project(reference, arrays.flat());
    const both = [start(db, arrays), start(db, arrays)];
    await vi.waitFor(async () => expect(await readPosition(db)).toBe(arrays.flat().length), 20_000);
    await Promise.all(both.map(({ end }) => end()));
    expect(await contents(db)).toEqual(await contents(reference));
    await Promise.all([db.end(), reference.end()]);
  });

  it('shows whole batches only: whenever it is read, all posted balances add up to zero', async () => {
    const db = await openReadModel();
    const arrays = batches(80);
    const projector = start(db, arrays);
    const last = arrays.flat().length;
    let reads = 0;
    while (projector.announced.at(-1) !== last) {
      const [total] =
        await db.sql`select coalesce(sum(posted), 0)::text as posted from ${db.table('accounts')}`;
      expect(total).toEqual({ posted: '0' });
      reads += 1;
    }
    await projector.end();
    expect(reads).toBeGreaterThan(0);
    await db.end();
  });

  it('gathers statistics, without which a server without autovacuum would not use the indexes', async () => {
    const db = await openReadModel();
    const arrays = batches(400);
    const last = arrays.flat().length;
    const projector = start(db, [arrays.slice(0, 399).flat(), arrays[399]!]);
    await vi.waitFor(() => expect(projector.announced.at(-1)).toBe(last), 15_000);
    await projector.end();
    const [counted] = await db.sql<{ rows: number }[]>`
      select reltuples as rows from pg_class where oid = ${`"${db.schema}".entries`}::text::regclass`;
    expect(counted?.rows).toBeGreaterThan(0);
    await db.end();
  });

  it('stops loudly when events are missing', async () => {
    const db = await openReadModel();
    const [first, , third] = batches(3);
    const projector = start(db, [first!, third!]);
    await expect(projector.ended).rejects.toThrow('after position 1 comes 2, not 3');
    await db.end();
  });

  it('waits for a Postgres that has gone, says so once, and goes on where it was', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tallybook-projector-'));
    const place = { port: await freePort(), dataDir: folder };
    let server = await startReadModel(place);
    const db = await openReadModel(server.url);
    const store = createReadStore(db);
    const arrays = batches(150);
    const last = arrays.flat().length;
    const projector = start(db, arrays, { log: slowly(arrays) });
    await vi.waitFor(() => expect(projector.announced.length).toBeGreaterThan(10), 15_000);

    await server.stop();
    await vi.waitFor(() => expect(projector.told.length).toBe(1), 15_000);
    await expect(store.position()).rejects.toThrow('cannot be asked');
    server = await startReadModel(place);

    await vi.waitFor(() => expect(projector.announced.at(-1)).toBe(last), 20_000);
    await projector.end();
    expect(projector.told.map((line) => line.split(/[,.:]/)[0])).toEqual([
      'Postgres cannot be reached',
      'Postgres answers again',
    ]);
    expect(await store.position()).toBe(last);
    await db.end();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('ends at once when it is told to while Postgres is gone', async () => {
    const db = connectReadModel('postgres://postgres@127.0.0.1:9/postgres', 'test');
    const projector = start(db, batches(4));
    await vi.waitFor(() => expect(projector.told.length).toBe(1), 15_000);
    const begun = Date.now();
    await projector.end();
    expect(Date.now() - begun).toBeLessThan(2_000);
    await db.end();
  });
});
