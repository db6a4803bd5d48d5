/**
 * The tables and views of the read model, from the files of `schema/`. There is one schema and no way from an older one:
 * the log can always make the rows anew.
 */
import { readFile } from 'node:fs/promises';
import postgres from 'postgres';
import type { ProjectionName } from '../projections/projection.ts';
import { lacksTables, type ReadModel } from './database.ts';
import { grantToReaders } from './readers.ts';

/** Raised with each change of `schema/` that changes what is there. */
const VERSION = 1;

const FILES: Readonly<Record<ProjectionName, readonly string[]>> = {
  balances: ['balances', 'views'],
  transfers: ['transfers'],
  totals: ['totals'],
};

/** They stand on the tables of a projection, and are replaced with them. */
export const VIEWS: Readonly<Record<ProjectionName, readonly string[]>> = {
  balances: ['balances', 'journal', 'trial_balance', 'statement'],
  transfers: [],
  totals: [],
};

const UNIQUE_VIOLATION = '23505';
const DUPLICATE_TABLE = '42P07';
const DUPLICATE_SCHEMA = '42P06';

/**
 * Makes the tables and views of the ledger if they are not there, and lets the role for readers read them, if there is
 * one. Processes may start together.
 * @returns whether they were made now
 * @throws Error if they are of another version of the schema
 */
export async function ensureSchema(db: ReadModel): Promise<boolean> {
  const found = await readVersion(db);
  const made = found === undefined && (await unlessDone(async () => create(db)));
  const version = found ?? (await readVersion(db));
  if (version !== VERSION) {
    throw new Error(
      `The tables in the schema "${db.schema}" are of version ${version ?? 'none'}, and this Tallybook knows version ` +
        `${VERSION}. Run the Tallybook that made them, or drop the schema: the log makes the rows anew.`,
    );
  }
  // Only one process at a time can change what a role may do with a table.
  await db.sql.unsafe(`
    do $$ begin
      lock table "${db.schema}".schema_version in share row exclusive mode;
      ${grantToReaders(db.schema)}
    end $$`);
  return made;
}

/** What is sent in one message is one transaction. */
async function create({ sql, schema }: ReadModel): Promise<void> {
  const parts = [await statementsOf('positions')];
  for (const name of Object.keys(FILES) as ProjectionName[]) parts.push(await tableStatements(name));
  await sql.unsafe(`
    set local statement_timeout = 0;
    create schema if not exists "${schema}";
    set local search_path to "${schema}";
    create table schema_version (version integer primary key);
    comment on table schema_version is 'The version of these tables and views';
    insert into schema_version values (${VERSION});
    ${parts.join('\n')}`);
}

/** Makes the tables and views of a projection, in the schema that `search_path` names. */
export async function tableStatements(projection: ProjectionName): Promise<string> {
  return (await Promise.all(FILES[projection].map(statementsOf))).join('\n');
}

async function statementsOf(file: string): Promise<string> {
  return readFile(new URL(`./schema/${file}.sql`, import.meta.url), 'utf8');
}

/** Undefined if nothing is there. */
async function readVersion({ sql, table }: ReadModel): Promise<number | undefined> {
  try {
    const [row] = await sql<{ version: number }[]>`select version from ${table('schema_version')}`;
    return row?.version;
  } catch (error) {
    if (lacksTables(error)) return undefined;
    throw error;
  }
}

/** False if another process has made the same in the meantime. */
export async function unlessDone(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    const signs = [UNIQUE_VIOLATION, DUPLICATE_TABLE, DUPLICATE_SCHEMA];
    if (error instanceof postgres.PostgresError && signs.includes(error.code)) return false;
    throw error;
  }
}
