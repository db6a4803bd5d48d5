/** Brings the read model's schema up to date: applies each file of `migrations/` once, in the order of its number. */
import { readdir, readFile } from 'node:fs/promises';
import postgres from 'postgres';
import { WHOLE_EXCHANGES } from '../../postgres/marker.ts';
import type { ReadModel } from './database.ts';

const FOLDER = new URL('./migrations/', import.meta.url);

export const UNIQUE_VIOLATION = '23505';

/**
 * Applies what has not been applied yet, each migration in a transaction of its own. Processes may start together.
 * @returns the names of the migrations that were applied now
 */
export async function migrate(db: ReadModel): Promise<string[]> {
  const { sql, schema } = db;
  await unlessDone(async () =>
    sql.unsafe(`
      create schema if not exists "${schema}";
      create table if not exists "${schema}".migrations (name text primary key, applied_at timestamptz not null);`),
  );
  const recorded = await sql<{ name: string }[]>`select name from ${db.table('migrations')}`;
  const known = new Set(recorded.map(({ name }) => name));
  const applied: string[] = [];
  for (const file of (await migrationFiles()).filter((name) => !known.has(name))) {
    if (await unlessDone(async () => apply(db, file))) applied.push(file);
  }
  return applied;
}

async function migrationFiles(): Promise<string[]> {
  return (await readdir(FOLDER)).filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name)).toSorted();
}

/** All migrations, as they make the tables in an empty schema. */
export async function migrationStatements(): Promise<string> {
  const files = await migrationFiles();
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, FOLDER), 'utf8')));
  return texts.join('\n');
}

/**
 * What is sent in one message is one transaction. The name goes in first: a process that comes second waits there
 * until the first is through, and then fails on the name.
 */
async function apply({ sql, schema }: ReadModel, file: string): Promise<void> {
  const statements = await readFile(new URL(file, FOLDER), 'utf8');
  await sql.unsafe(`
    set local statement_timeout = 0;
    set local search_path to "${schema}";
    insert into migrations (name, applied_at) values ('${file}', now());
    ${statements}`);
}

/** False if another process has done the work in the meantime. */
export async function unlessDone(
  work: () => Promise<unknown>,
  signs: readonly string[] = [UNIQUE_VIOLATION],
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof postgres.PostgresError && signs.includes(error.code)) return false;
    throw error;
  }
}

/**
 * False if this is PGlite behind its own socket server, which mixes the messages of its clients.
 * Asked in one message, which nothing can mix with.
 */
export async function keepsExchangesWhole({ sql }: ReadModel): Promise<boolean> {
  const [server] = await sql.unsafe<{ whole: boolean }[]>(`
    select version() not like '%PGlite%'
      or coalesce(current_setting('${WHOLE_EXCHANGES}', true), '') = 'on' as whole`);
  return server?.whole ?? false;
}
