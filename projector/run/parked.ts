/** What projections could not apply, and another try at it. */
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import type { Projection } from '../projections/projection.ts';
import { buildsOf } from '../tables/builds.ts';
import { readStatuses } from '../tables/checkpoint.ts';
import type { ReadModel } from '../tables/database.ts';
import { unpark } from '../tables/write-rows.ts';
import { isDataError, itemOf, reasonOf, rowsOf, type Item } from './step.ts';

/** The events of one command, which a projection has left out. */
export type Parked = {
  readonly projection: string;
  /** Of the first of the events, and of the last. */
  readonly position: number;
  readonly last_position: number;
  readonly subject: string;
  readonly type: string;
  readonly error: string;
  readonly tries: number;
  readonly parked_at: string;
};

type Columns = Omit<Parked, 'position' | 'last_position' | 'parked_at'> & {
  readonly position: string;
  readonly last_position: string;
  readonly parked_at: Date;
};

/** In log order; of one projection, if it is named. */
export async function listParked({ sql, table }: ReadModel, projection?: string): Promise<Parked[]> {
  const rows = await sql<Columns[]>`
    select projection, position, last_position, subject, type, error, tries, parked_at
    from ${table('parked')}
    where state = 'live' ${projection === undefined ? sql`` : sql`and projection = ${projection}`}
    order by position, projection`;
  return rows.map(({ position, last_position, parked_at, ...row }) => ({
    ...row,
    position: Number(position),
    last_position: Number(last_position),
    parked_at: parked_at.toISOString(),
  }));
}

/** What became of a try: `gone` if somebody else has seen to it, `other version` if the tables are not this code's. */
export type Retried = 'applied' | 'parked' | 'gone' | 'other version';

/**
 * Applies parked events, though later ones have been applied since: what is newer stays. The rows come and the events
 * leave the table in one statement. What fails again stays parked, with the new error.
 */
export async function retryParked(
  db: ReadModel,
  log: Pick<EventReader, 'messages'>,
  { parked, projection }: { readonly parked: Parked; readonly projection: Projection },
): Promise<Retried> {
  const status = (await readStatuses(db)).find(({ name }) => name === projection.name);
  const live = status && buildsOf(db, projection, status).find(({ state }) => state === 'live');
  if (!live) return 'other version';
  const { position, last_position } = parked;
  const items: Item[] = [];
  for await (const some of log.messages({ after: position - 1, to: last_position })) {
    items.push(...some.map(itemOf));
  }
  const rows = rowsOf(live, items);
  if (rows instanceof Error) return keep(db, parked, rows);
  try {
    return (await unpark(live, position, rows)) ? 'applied' : 'gone';
  } catch (error) {
    if (isDataError(error)) return keep(db, parked, error);
    throw error;
  }
}

async function keep(
  { sql, table }: ReadModel,
  { projection, position }: Parked,
  error: unknown,
): Promise<'parked' | 'gone'> {
  const kept = await sql`
    update ${table('parked')} set tries = tries + 1, error = ${reasonOf(error)}
    where projection = ${projection} and state = 'live' and position = ${position}
    returning position`;
  return kept.length > 0 ? 'parked' : 'gone';
}
