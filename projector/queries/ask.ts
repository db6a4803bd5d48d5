/** Asks Postgres with a limit on how long, and on how much may wait: a query never hangs on a server that is gone. */
import type { PendingQuery, Row } from 'postgres';
import { withTimeLimit } from '../../runtime/time-limit.ts';
import { lacksTables, isUnreachable, type ReadModel } from '../tables/database.ts';
import { ReadModelUnavailable } from './read-store.ts';

const RESPONSE_TIMEOUT_MS = 4_000;
const WAITING_MAX = 1_000;

export type Ask = <Found extends readonly Row[]>(query: PendingQuery<Found>) => Promise<Found>;

/** A read model, and the way to ask it. */
export type Source = { readonly db: ReadModel; readonly ask: Ask };

/**
 * A way to ask that gives the rows of a query.
 * It throws ReadModelUnavailable when Postgres cannot be reached, does not answer in time, has no tables yet, or when
 * too many queries wait for it; other errors are bugs, and stay as they are.
 */
export function createAsk(): Ask {
  let waiting = 0;
  return async (query) => {
    if (waiting >= WAITING_MAX) throw new ReadModelUnavailable('Too many queries wait for Postgres.');
    waiting += 1;
    const result = query
      .catch((error: unknown) => {
        throw isUnreachable(error) || lacksTables(error)
          ? new ReadModelUnavailable(`The read model cannot be asked: ${String(error)}`, { cause: error })
          : error;
      })
      .finally(() => (waiting -= 1));
    // A query that is late is not taken back: it counts as waiting until Postgres answers or the connection ends.
    return withTimeLimit(result, RESPONSE_TIMEOUT_MS, () => {
      throw new ReadModelUnavailable(`Postgres has not answered within ${RESPONSE_TIMEOUT_MS} ms.`);
    });
  };
}
