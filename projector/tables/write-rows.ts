/**
 * Writes rows and moves the position in one statement, which Postgres carries out whole or not at all. A transaction
 * of several statements would do the same, but the driver (postgres 3.4) ends the process when it loses the
 * connection within one.
 */
import type { Fragment } from 'postgres';
import type { RowsOf, RowTable } from '../projections/projection.ts';
import type { Build } from './builds.ts';
import type { ReadModel } from './database.ts';
import { WRITERS } from './tables.ts';

/** The events of one command that could not be applied. */
export type Poison = {
  readonly position: number;
  readonly lastPosition: number;
  readonly subject: string;
  readonly type: string;
  readonly error: string;
};

export type Step = { readonly to: number; readonly rows: RowsOf };

/**
 * Writes rows if the build is where they begin, and moves it to where they end.
 * The update of the position comes first and locks: who comes second waits, and then finds it moved.
 * @returns false, with nothing written, if the build is elsewhere
 */
export async function writeRows(build: Build, { to, rows }: Step): Promise<boolean> {
  const { sql } = build.db;
  const [written] = await sql<{ moved: boolean }[]>`
    with moved as (${move(build, to)}) ${writes(build.db, rows)}
    select exists (select from moved) as moved`;
  return written?.moved === true;
}

/** Moves the build past events that it cannot apply, and keeps them in the table of what is parked. */
export async function park(build: Build, poison: Poison): Promise<boolean> {
  const { sql, table } = build.db;
  const { position, lastPosition, subject, type, error } = poison;
  const [written] = await sql<{ moved: boolean }[]>`
    with moved as (${move(build, lastPosition)}),
    kept as (
      insert into ${table('parked')} (projection, state, position, last_position, subject, type, error)
      select ${build.projection.name}, ${build.state}, ${position}, ${lastPosition}, ${subject}, ${type}, ${error}
      from moved)
    select exists (select from moved) as moved`;
  return written?.moved === true;
}

/** Writes the rows of events that were parked, and takes them out of that table: both or neither. */
export async function unpark(build: Build, position: number, rows: RowsOf): Promise<boolean> {
  const { sql, table } = build.db;
  const { name, version } = build.projection;
  const [written] = await sql<{ moved: boolean }[]>`
    with moved as (
      delete from ${table('parked')}
      where projection = ${name} and state = ${build.state} and position = ${position}
        and exists (
          select from ${table('projections')} where name = ${name} and state = ${build.state} and version = ${version})
      returning position
    ) ${writes(build.db, rows)}
    select exists (select from moved) as moved`;
  return written?.moved === true;
}

function move({ db: { sql, table }, projection, state, position }: Build, to: number): Fragment {
  const { name, version } = projection;
  return sql`
    update ${table('projections')} set position = ${to}, error = null
    where name = ${name} and state = ${state} and version = ${version} and position = ${position}
    returning position`;
}

/** A part of the statement for each table that gets rows. */
function writes(db: ReadModel, rows: RowsOf): Fragment {
  const tables = Object.entries(rows) as [RowTable, readonly object[]][];
  return tables
    .filter(([, some]) => some.length > 0)
    .reduce<Fragment>(
      (parts, [table, some]) =>
        db.sql`${parts}, ${db.sql(`written_${table}`)} as (${WRITERS[table](db, some)})`,
      db.sql``,
    );
}
