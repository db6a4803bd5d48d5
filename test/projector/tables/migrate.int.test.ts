import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { expect, inject, it } from 'vitest';
import { createReadStore } from '../../../projector/queries/postgres.ts';
import { readStatuses } from '../../../projector/tables/checkpoint.ts';
import { connectReadModel } from '../../../projector/tables/database.ts';
import { keepsExchangesWhole, migrate } from '../../../projector/tables/migrate.ts';
import { createTestLog } from '../../support/events/events.ts';
import { reversal } from '../projections/commands.ts';
import { project } from '../test-read-model.ts';

const folder = new URL('../../../projector/tables/migrations/', import.meta.url);
const files = (await readdir(folder)).toSorted();

it('applies every migration once, in order', async () => {
  const db = connectReadModel(inject('servers').databaseUrl, randomUUID());
  expect(await migrate(db)).toEqual(files);
  expect(await migrate(db)).toEqual([]);
  const recorded = await db.sql<{ name: string }[]>`select name from ${db.table('migrations')} order by name`;
  expect(recorded.map(({ name }) => name)).toEqual(files);
  await db.end();
});

it('applies them once when processes start together', async () => {
  const ledger = randomUUID();
  const processes = Array.from({ length: 3 }, () => connectReadModel(inject('servers').databaseUrl, ledger));
  const applied = await Promise.all(processes.map(migrate));
  // One may apply what another has not come to yet, and each tells only of its own.
  expect(applied.flat().toSorted()).toEqual(files);
  await Promise.all(processes.map(({ end }) => end()));
});

it('keeps two ledgers in one database apart', async () => {
  const [one, two] = ['one', 'two'].map((name) =>
    connectReadModel(inject('servers').databaseUrl, `${name}-${randomUUID().slice(0, 8)}`),
  );
  expect(await migrate(one!)).toEqual(files);
  expect(await migrate(two!)).toEqual(files);
  await Promise.all([one!.end(), two!.end()]);
});

it('keeps the rows of a read model that was made before transfers could wait', async () => {
  const db = connectReadModel(inject('servers').databaseUrl, randomUUID().slice(0, 8));
  const first = await readFile(new URL('0001-read-model.sql', folder), 'utf8');
  await db.sql.unsafe(`
    create schema "${db.schema}";
    set local search_path to "${db.schema}";
    create table migrations (name text primary key, applied_at timestamptz not null);
    insert into migrations values ('0001-read-model.sql', now());
    ${first}
    update projections set position = 4;
    insert into accounts values
      ('alice', 'Alice', 'EUR', 'open', 100, 0, 0, 2, '{"branch": "7"}', '2026-01-01', 1),
      ('world_EUR', 'world', 'EUR', 'open', -100, 0, 0, 1, '{}', '1970-01-01', 2);
    insert into transfers values
      ('d1', 'deposit', 'posted', 'world_EUR', 'alice', 100, 'EUR', null, '{"order": "42"}', null, '2026-01-01',
        '2026-01-01', 4, 'transfer/d1');
    insert into entries values
      (3, 'alice', 2, 'd1', 'credit', 100, 'EUR', 'world_EUR', 'deposit', null, 100, '2026-01-01');`);
  expect(await migrate(db)).toEqual(files.slice(1));
  expect(await readStatuses(db)).toMatchObject([
    { name: 'balances', version: 1, position: 4 },
    { name: 'totals', version: 1, position: 0 },
    { name: 'transfers', version: 1, position: 4 },
  ]);
  const store = createReadStore(db);
  const { data } = await store.transfers({ account: 'alice' }, { limit: 10 });
  expect(data).toEqual([await store.transfer('d1')]);
  expect(data).toMatchObject([{ id: 'd1', amount: '100', position: 4 }]);
  expect(await store.transfers({ metadata: { order: '42' } }, { limit: 10 })).toMatchObject({ data });
  const ofBranch = await store.accounts({ metadata: { branch: '7' } }, { limit: 10 });
  expect(ofBranch.data.map(({ id }) => id)).toEqual(['alice']);
  // And they change as any others.
  const log = createTestLog();
  log.open('alice');
  log.deposit('alice', 100n, { id: 'd1' });
  await project(db, log.run(reversal('r1', 'd1')));
  expect(await store.transfer('d1')).toMatchObject({ reversed: '100', reversals: ['r1'], position: 8 });
  const later = await store.transfers({}, { limit: 10 });
  expect(later.data.map(({ id }) => id)).toEqual(['r1', 'd1']);
  await db.end();
});

it('knows the server that PGlite brings along, which mixes up its clients, from the embedded one', async () => {
  const pglite = await PGlite.create();
  const server = new PGLiteSocketServer({ db: pglite, port: 0 });
  await server.start();
  const db = connectReadModel(`postgres://postgres:postgres@${server.getServerConn()}/postgres`, 'test');
  expect(await keepsExchangesWhole(db)).toBe(false);
  const embedded = connectReadModel(inject('servers').databaseUrl, 'test');
  expect(await keepsExchangesWhole(embedded)).toBe(true);
  await Promise.all([db.end(), embedded.end()]);
  await server.stop();
  await pglite.close();
  // A whole Postgres is compiled first.
}, 120_000);
