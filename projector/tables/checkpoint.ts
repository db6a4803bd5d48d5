/** The positions of the read model: each projection shows everything up to its own, and nothing after. */
import type { ProjectionName } from '../projections/projection.ts';
import type { ReadModel } from './database.ts';

/** Asks for the position of a projection, or that which all have reached. It is 0 before the first event. */
export function positionQuery({ sql, table }: ReadModel, projection?: ProjectionName) {
  return sql<{ position: string | null }[]>`
    select min(position) as position from ${table('projections')}
    where state = 'live' ${projection === undefined ? sql`` : sql`and name = ${projection}`}`;
}

/** The position that a projection shows; without one, that which all of them show. */
export async function readPosition(db: ReadModel, projection?: ProjectionName): Promise<number> {
  const [row] = await positionQuery(db, projection);
  return Number(row?.position ?? 0);
}

/** A live projection as the database knows it. */
export type ProjectionStatus = {
  readonly name: string;
  readonly version: number;
  readonly position: number;
  /** Why it has stopped. */
  readonly error: string | null;
  /** How many events of it are parked. */
  readonly parked: number;
  /** The version that is being built beside it. */
  readonly building: { readonly version: number; readonly position: number } | null;
};

type StatusColumns = Omit<ProjectionStatus, 'position' | 'building'> & {
  readonly position: string;
  readonly building_version: number | null;
  readonly building_position: string | null;
};

/** Asks how all projections stand. */
export function statusesQuery({ sql, table }: ReadModel) {
  return sql<StatusColumns[]>`
    select live.name, live.version, live.position, coalesce(live.error, building.error) as error,
      (select count(*) from ${table('parked')} where projection = live.name and state = 'live')::integer as parked,
      building.version as building_version, building.position as building_position
    from ${table('projections')} as live
    left join ${table('projections')} as building on building.name = live.name and building.state = 'building'
    where live.state = 'live'
    order by live.name`;
}

/** A row of `standingsQuery`. */
export function statusFromRow(row: StatusColumns): ProjectionStatus {
  const { building_version, building_position, position, ...rest } = row;
  const building =
    building_version === null ? null : { version: building_version, position: Number(building_position) };
  return { ...rest, position: Number(position), building };
}

export async function readStatuses(db: ReadModel): Promise<ProjectionStatus[]> {
  return (await statusesQuery(db)).map(statusFromRow);
}
