/**
 * Postgres chooses how to answer by statistics about its tables. A server without autovacuum, as the embedded one is,
 * never gathers any, and then sorts thousands of rows where an index has them in order.
 */
import { isUnreachable, type ReadModel } from './database.ts';

const FIRST_AT_POSITION = 1_000;

/** Gathers statistics now and then: called with every new position, it does so whenever that has doubled. */
export function createStatistics({ sql, table }: ReadModel): (position: number) => Promise<void> {
  let next = FIRST_AT_POSITION;
  return async (position) => {
    if (position < next) return;
    next = 2 * position;
    try {
      await sql`
        analyze ${table('accounts')}, ${table('transfers')}, ${table('transaction_accounts')},
          ${table('entries')}, ${table('holds')}`;
    } catch (error) {
      // They make queries faster, not right: the next time will do.
      if (!isUnreachable(error)) throw error;
    }
  };
}
