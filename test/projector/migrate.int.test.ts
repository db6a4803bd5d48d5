import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { expect, inject, it } from 'vitest';
import { connectReadModel } from '../../projector/database.ts';
import { keepsExchangesWhole, migrate } from '../../projector/migrate.ts';

const files = (await readdir(new URL('../../projector/migrations/', import.meta.url))).toSorted();

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
  expect(applied.flat()).toEqual(files);
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
});
