/**
 * The tables of a projection, live or being built. A new version is built in a Postgres schema of its own, where the
 * tables have the names that they will have; to go live they are moved into the schema that queries name.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Projection } from '../projections/projection.ts';
import { readStatuses, type ProjectionStatus } from './checkpoint.ts';
import type { ReadModel } from './database.ts';
import { endReadsOf, grantToReaders } from './readers.ts';
import { tableStatements, unlessDone, VIEWS } from './schema.ts';

export type Build = {
  readonly projection: Projection;
  readonly state: 'live' | 'building';
  /** Names the tables of this build. */
  readonly db: ReadModel;
  readonly position: number;
};

/** How long to wait for queries to end: less than Postgres takes to see a deadlock, so that no query ever fails of one. */
const LOCK_TIMEOUT_MS = 200;
/** Our own codes for `raise`. */
const BEHIND = 'TB001';
const GONE = 'TB002';
const LOCK_NOT_AVAILABLE = '55P03';
const DEADLOCK = '40P01';

/** What a projection has in the database, as builds that this version of the code can write. */
export function buildsOf(db: ReadModel, projection: Projection, status: ProjectionStatus): Build[] {
  const { version } = projection;
  const live: Build = { projection, state: 'live', db, position: status.position };
  const { building } = status;
  return [
    ...(status.version === version ? [live] : []),
    ...(building?.version === version ? [buildingBuild(db, projection, building.position)] : []),
  ];
}

function buildingBuild(db: ReadModel, projection: Projection, position: number): Build {
  const beside = besideSchema(db, projection);
  const tables: readonly string[] = projection.tables;
  const table: ReadModel['table'] = (name) =>
    tables.includes(name) ? db.sql(`${beside}.${name}`) : db.table(name);
  return { projection, state: 'building', db: { ...db, table }, position };
}

/** No ledger has a colon in its name, so no other ledger's schema is called so. */
function besideSchema({ schema }: ReadModel, { name }: Projection): string {
  return `${schema}:${name}`;
}

/**
 * Makes empty tables for a new build, unless it has been begun already. They are made as the live ones were. What was
 * begun by another version of the code, or is not wanted any more, is dropped.
 */
export async function beginBuild(db: ReadModel, projection: Projection, anew = false): Promise<void> {
  const { sql, schema } = db;
  const { name, version } = projection;
  const status = (await readStatuses(db)).find((each) => each.name === name);
  if (status?.building && (anew || status.building.version !== version)) await dropBuild(db, projection);
  else if (status?.building) return;
  const beside = besideSchema(db, projection);
  const statements = await tableStatements(name);
  await unlessDone(() =>
    // The rights to read move with the tables; until then nobody may use the schema.
    sql.unsafe(`
        set local statement_timeout = 0;
        drop schema if exists "${beside}" cascade;
        create schema "${beside}";
        set local search_path to "${beside}";
        ${statements}
        do $$ begin ${grantToReaders(beside)} end $$;
        insert into "${schema}".projections (name, state, version, position)
          values ('${name}', 'building', ${version}, 0);`),
  );
}

/** Drops what has been built, and nothing that is live. */
async function dropBuild(db: ReadModel, projection: Projection): Promise<void> {
  const { name } = projection;
  await db.sql.unsafe(`
    set local statement_timeout = 0;
    drop schema if exists "${besideSchema(db, projection)}" cascade;
    delete from "${db.schema}".projections where name = '${name}' and state = 'building';
    delete from "${db.schema}".parked where projection = '${name}' and state = 'building';`);
}

/**
 * Makes a build live in the place of the tables and views that are, which are dropped: one statement. A query sees all
 * of it or nothing: it names the tables anew whenever they have changed.
 * @param endReads whether the sessions of readers that are in the way are ended
 * @returns `behind` if the live tables show more, `busy` if queries were in the way for too long, `gone` if there is no
 * such build any more; nothing is changed then
 */
export async function cutOver(build: Build, endReads = false): Promise<'live' | 'behind' | 'busy' | 'gone'> {
  const { db, projection } = build;
  const [schema, beside] = [db.schema, besideSchema(db, projection)];
  // A query of a view locks the view first.
  const names = [...VIEWS[projection.name], ...projection.tables];
  const live = names.map((name) => `"${schema}"."${name}"`);
  const tables = projection.tables.map((table) => `"${schema}"."${table}"`);
  const built = names.map((name) => `"${beside}"."${name}"`);
  const of = `"${schema}".projections where name = '${projection.name}'`;
  const parked = `"${schema}".parked`;
  const settled = new AbortController();
  const ending = endReads ? endReadsInTheWay(db, live, settled.signal) : Promise.resolve();
  try {
    await db.sql.unsafe(`
      do $$
      declare shown bigint; reached bigint;
      begin
        perform set_config('lock_timeout', '${LOCK_TIMEOUT_MS}', true);
        lock table ${live.join()} in access exclusive mode;
        select position into shown from ${of} and state = 'live' for update;
        select position into reached from ${of} and state = 'building' and version = ${projection.version} for update;
        if reached is null then raise exception 'gone' using errcode = '${GONE}'; end if;
        if reached < shown then raise exception 'behind' using errcode = '${BEHIND}'; end if;
        drop table ${tables.join()} cascade;
        ${built.map((table) => `alter table ${table} set schema "${schema}";`).join('\n')}
        drop schema "${beside}" cascade;
        delete from ${of} and state = 'live';
        update "${schema}".projections set state = 'live' where name = '${projection.name}';
        delete from ${parked} where projection = '${projection.name}' and state = 'live';
        update ${parked} set state = 'live' where projection = '${projection.name}';
      end $$`);
    return 'live';
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === BEHIND) return 'behind';
    if (code === GONE) return 'gone';
    if (code === LOCK_NOT_AVAILABLE || code === DEADLOCK) return 'busy';
    throw error;
  } finally {
    settled.abort();
    await ending;
  }
}

/** Once our own wait for the tables has begun, so that whoever comes then, comes after us. */
async function endReadsInTheWay(db: ReadModel, live: readonly string[], settled: AbortSignal): Promise<void> {
  try {
    await sleep(LOCK_TIMEOUT_MS / 4, undefined, { signal: settled });
    await endReadsOf(db, live);
  } catch {
    // There was nothing to wait for; or our role may not end them, and then we wait until they end by themselves.
  }
}
