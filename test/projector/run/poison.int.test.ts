/** Events that cannot be applied, on the real Postgres and the real nats-server that the run started. */
import { headers } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { appendSubject } from '../../../contracts/subjects.ts';
import { PROJECTIONS } from '../../../projector/projections/index.ts';
import type { Projection, ProjectionName } from '../../../projector/projections/projection.ts';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import { listParked, retryParked, type Retried } from '../../../projector/run/parked.ts';
import { runProjector, retryStopped, type ProjectorOptions } from '../../../projector/run/projector.ts';
import { readStatuses } from '../../../projector/tables/checkpoint.ts';
import { connectReadModel, type ReadModel } from '../../../projector/tables/database.ts';
import { ensureSchema } from '../../../projector/tables/schema.ts';
import {
  createAccount,
  moveMoney,
  openTestLedger,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';
import { contents, openReadModel, project } from '../test-read-model.ts';

let log: TestLedger;
let db: ReadModel;
beforeEach(async () => {
  log = await openTestLedger();
  db = connectReadModel(inject('servers').databaseUrl, log.ledger);
  await ensureSchema(db);
  for (const id of ['alice', 'bob']) await log.submit(createAccount(id));
});
afterEach(async () => {
  await Promise.all([log.close(), db.end()]);
});

/** A deposit of one command, with others in the same batch. */
async function deposit(...ids: string[]): Promise<void> {
  await Promise.all(
    ids.map(async (id) =>
      log.submit(
        moveMoney(id, { source: 'world_EUR', destination: 'alice', amount: '5' }, { kind: 'deposit' }),
      ),
    ),
  );
}

/** The projections, where one throws for the events of one transfer. */
function choking(name: ProjectionName, transfer: string): Projection[] {
  const chokes = (event: RecordedEvent) =>
    event.aggregateId === transfer || ('transfer' in event.data && event.data.transfer === transfer);
  return Object.values(PROJECTIONS).map((projection) =>
    projection.name === name
      ? {
          ...projection,
          apply: (events) => {
            if (events.some(chokes)) throw new Error('it tastes odd');
            return projection.apply(events);
          },
        }
      : projection,
  );
}

/** Runs a projector until all projections that go on are at the log's end. */
async function projected(options: Partial<ProjectorOptions> = {}, stopped: string[] = []): Promise<string[]> {
  const stop = new AbortController();
  const told: string[] = [];
  const running = runProjector(
    { db, log: log.reader, announce: () => {}, tell: (line) => told.push(line), ...options },
    stop.signal,
  );
  await vi.waitFor(async () => {
    const last = await log.reader.lastPosition();
    for (const { name, position, error } of await readStatuses(db)) {
      if (stopped.includes(name)) expect(error).not.toBeNull();
      else expect(position).toBe(last);
    }
  }, 15_000);
  stop.abort();
  await running;
  return told;
}

const stops = (name: string) => name === 'balances';
const standing = async (name: string) => (await readStatuses(db)).find((each) => each.name === name)!;

const hasStopped = (name: string) =>
  vi.waitFor(async () => expect((await standing(name)).error).not.toBeNull(), 15_000);

async function retryAll(): Promise<Retried[]> {
  const results: Retried[] = [];
  for (const parked of await listParked(db)) {
    const projection = PROJECTIONS[parked.projection as ProjectionName];
    results.push(await retryParked(db, log.reader, { parked, projection }));
  }
  return results;
}

/** What the read model would be had nothing been wrong. */
async function whole() {
  const reference = await openReadModel();
  await project(reference, await log.allEvents());
  const held = await contents(reference);
  await reference.end();
  return held;
}

describe('a poison event', () => {
  it.each(['balances', 'transfers', 'totals'] as const)(
    'in %s is parked with its command only, and nothing else is stopped',
    async (name) => {
      await deposit('d1', 'd2', 'poison', 'd3', 'd4');
      const told = await projected({ projections: choking(name, 'poison') });
      const [parked, ...others] = await listParked(db);
      expect(others).toEqual([]);
      expect(parked).toMatchObject({ projection: name, error: 'it tastes odd', tries: 1 });
      expect(parked!.last_position - parked!.position).toBe(2);
      expect(told).toEqual([expect.stringContaining(`Parked by the projection "${name}"`)]);
      expect(await standing(name)).toMatchObject({ parked: 1, error: null });
      const store = createReadStore(db);
      const { data } = await store.statement('alice', {}, { limit: 10 });
      expect(data.length).toBe(name === 'balances' ? 4 : 5);
      // What is applied again brings the rest, though later events were applied before it.
      expect(await retryAll()).toEqual(['applied']);
      expect(await contents(db)).toEqual(await whole());
    },
  );

  it('that fails again stays parked with the new error, and is counted', async () => {
    await deposit('d1', 'poison');
    await projected({ projections: choking('totals', 'poison') });
    const [parked] = await listParked(db, 'totals');
    const chokes = choking('totals', 'poison').find(({ name }) => name === 'totals')!;
    expect(await retryParked(db, log.reader, { parked: parked!, projection: chokes })).toBe('parked');
    expect(await listParked(db)).toMatchObject([{ tries: 2, error: 'it tastes odd' }]);
  });

  it('is applied once when two try it again together', async () => {
    await deposit('d1', 'poison', 'd2');
    await projected({ projections: choking('totals', 'poison') });
    const [parked] = await listParked(db);
    const both = [1, 2].map(async () =>
      retryParked(db, log.reader, { parked: parked!, projection: PROJECTIONS.totals }),
    );
    expect((await Promise.all(both)).toSorted()).toEqual(['applied', 'gone']);
    expect(await contents(db)).toEqual(await whole());
  });

  it('that Postgres refuses is parked, and so is what needs its rows', async () => {
    await db.sql.unsafe(`alter table "${db.schema}".accounts add constraint no_carol check (id <> 'carol')`);
    await log.submit(createAccount('carol'));
    await log.submit(moveMoney('c1', { source: 'world_EUR', destination: 'carol', amount: '5' }));
    await deposit('d1');
    await projected();
    expect(await listParked(db)).toMatchObject([
      {
        projection: 'balances',
        type: 'ledger.AccountCreated.v1',
        error: expect.stringContaining('no_carol') as string,
      },
      { projection: 'balances', error: expect.stringMatching(/not-null|no_carol/) as string },
    ]);
    await db.sql.unsafe(`alter table "${db.schema}".accounts drop constraint no_carol`);
    expect(await retryAll()).toEqual(['applied', 'applied']);
    expect(await contents(db)).toEqual(await whole());
  });

  it('that cannot even be read is parked by every projection', async () => {
    const subject = appendSubject(log.ledger, { aggregate: 'account', id: 'odd' }, 'created');
    const odd = headers();
    odd.set('ce-type', 'ledger.NeverHeardOf.v9');
    await log.nc.request(subject, '{}', { headers: odd, timeout: 2_000 });
    await projected();
    const parked = await listParked(db);
    expect(parked.map(({ projection }) => projection)).toEqual(['balances', 'totals', 'transfers']);
    expect(parked[0]).toMatchObject({
      position: 3,
      type: 'ledger.NeverHeardOf.v9',
      error: 'Unknown event type "ledger.NeverHeardOf.v9" at position 3',
    });
    expect(await retryAll()).toEqual(['parked', 'parked', 'parked']);
  });

  it('stops a projection that is to stop, and only that, until it can be applied', async () => {
    await deposit('d1', 'poison', 'd2');
    const told = await projected({ projections: choking('balances', 'poison'), stops }, ['balances']);
    expect(told).toEqual([
      expect.stringMatching(/^The projection "balances" has stopped: positions \d+ to \d+.*odd$/),
    ]);
    expect(await listParked(db)).toEqual([]);
    const stopped = await standing('balances');
    expect(stopped.position).toBeLessThan(await log.reader.lastPosition());
    expect(stopped.error).toContain('it tastes odd');
    // Started again with code that can apply it, it goes on.
    await projected({ stops });
    expect(await standing('balances')).toMatchObject({ error: null });
    expect(await contents(db)).toEqual(await whole());
  });

  it('that has stopped a projection is tried again without a restart, when somebody asks for it', async () => {
    await deposit('d1', 'poison', 'd2');
    let mended = false;
    const chokes = choking('balances', 'poison').find(({ name }) => name === 'balances')!;
    const balances: Projection = {
      ...chokes,
      apply: (events) => (mended ? PROJECTIONS.balances : chokes).apply(events),
    };
    const projections = [balances, PROJECTIONS.totals, PROJECTIONS.transfers];
    const told: string[] = [];
    const stop = new AbortController();
    const options = { db, log: log.reader, announce: () => {}, tell: (line: string) => told.push(line) };
    const running = runProjector({ ...options, projections, stops }, stop.signal);
    await hasStopped('balances');
    await retryStopped(db, 'balances');
    // It still cannot be applied, and is told a second time.
    await vi.waitFor(() => expect(told).toHaveLength(2), 10_000);
    await hasStopped('balances');
    mended = true;
    await retryStopped(db, 'balances');
    const last = await log.reader.lastPosition();
    await vi.waitFor(async () => expect((await standing('balances')).position).toBe(last), 10_000);
    stop.abort();
    await running;
    expect(await contents(db)).toEqual(await whole());
  });

  it('is parked once however often the projector is killed', async () => {
    await deposit('d1', 'poison');
    const projections = choking('transfers', 'poison');
    await projected({ projections });
    await db.sql`update ${db.table('projections')} set error = 'as if' where name = 'totals'`;
    await deposit('d2');
    await projected({ projections });
    expect((await listParked(db)).length).toBe(1);
    expect(await standing('totals')).toMatchObject({ error: null });
  });
});
