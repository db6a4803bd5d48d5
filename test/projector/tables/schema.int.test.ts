import { randomUUID } from 'node:crypto';
import { expect, inject, it } from 'vitest';
import { readStatuses } from '../../../projector/tables/checkpoint.ts';
import { connectReadModel, type ReadModel } from '../../../projector/tables/database.ts';
import { ensureSchema } from '../../../projector/tables/schema.ts';

function connect(ledger = randomUUID().slice(0, 8)): ReadModel {
  return connectReadModel(inject('servers').databaseUrl, ledger);
}

const AT_THE_START = ['balances', 'totals', 'transfers'].map((name) => ({ name, version: 1, position: 0 }));

it('makes the tables once', async () => {
  const db = connect();
  expect(await ensureSchema(db)).toBe(true);
  expect(await ensureSchema(db)).toBe(false);
  expect(await readStatuses(db)).toMatchObject(AT_THE_START);
  await db.end();
});

it.each(['', 'in a schema that is there already'])(
  'makes them once when processes start together %s',
  async (there) => {
    const ledger = randomUUID().slice(0, 8);
    const processes = Array.from({ length: 5 }, () => connect(ledger));
    const [first] = processes;
    if (there !== '') await first!.sql.unsafe(`create schema "${first!.schema}"`);
    const made = await Promise.all(processes.map(ensureSchema));
    expect(made.filter(Boolean)).toEqual([true]);
    expect(await readStatuses(first!)).toMatchObject(AT_THE_START);
    await Promise.all(processes.map(({ end }) => end()));
  },
);

it('keeps two ledgers in one database apart', async () => {
  const [one, two] = [connect(), connect()];
  expect([await ensureSchema(one), await ensureSchema(two)]).toEqual([true, true]);
  await one.sql`update ${one.table('projections')} set position = 7`;
  expect(await readStatuses(two)).toMatchObject(AT_THE_START);
  await Promise.all([one.end(), two.end()]);
});

it.each([
  ['a newer version', 'update schema_version set version = 2', 'are of version 2'],
  ['no version', 'drop table schema_version', 'are of version none'],
])('leaves tables of %s alone, and says what can be done', async (_, change, message) => {
  const db = connect();
  await ensureSchema(db);
  await db.sql.unsafe(
    `set local search_path to "${db.schema}"; ${change}; update projections set position = 7`,
  );
  await expect(ensureSchema(db)).rejects.toThrow(message);
  await expect(ensureSchema(db)).rejects.toThrow(`drop the schema`);
  const positions = await db.sql`select distinct position::integer from ${db.table('projections')}`;
  expect(positions).toEqual([{ position: 7 }]);
  await db.end();
});

it('explains every table, and every view', async () => {
  const db = connect();
  await ensureSchema(db);
  const relations = await db.sql<{ name: string; comment: string | null }[]>`
    select relname as name, obj_description(oid, 'pg_class') as comment from pg_class
    where relnamespace = ${`"${db.schema}"`}::text::regnamespace and relkind in ('r', 'v')`;
  expect(relations.length).toBe(15);
  expect(relations.filter(({ comment }) => !comment)).toEqual([]);
  await db.end();
});
