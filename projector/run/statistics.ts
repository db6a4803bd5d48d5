/**
 * Postgres chooses how to answer by statistics about its tables. Autovacuum gathers them a minute after many rows have
 * come, or never where it is off; until then Postgres sorts thousands of rows where an index has them in order.
 */
import type { Build } from '../tables/builds.ts';
import { isUnreachable } from '../tables/database.ts';

const FIRST_AT_POSITION = 1_000;

type Tables = Pick<Build, 'db' | 'projection'>;

/** Gathers statistics now and then: called with every new position, it does so whenever that has doubled. */
export function createStatistics(tables: Tables): (position: number) => Promise<void> {
  let next = FIRST_AT_POSITION;
  return async (position) => {
    if (position < next) return;
    next = 2 * position;
    await gatherStatistics(tables);
  };
}

export async function gatherStatistics({ db: { sql, table }, projection }: Tables): Promise<void> {
  try {
    for (const name of projection.tables) await sql`analyze ${table(name)}`;
  } catch (error) {
    // They make queries faster, not right: the next time will do.
    if (!isUnreachable(error)) throw error;
  }
}
