/** Sees to it that nobody who reads the tables keeps a transaction open for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isUnreachable, type ReadModel } from '../tables/database.ts';
import { endLongReads, mayEndReads, READER_ROLE } from '../tables/readers.ts';

/** After that, Postgres keeps too much of what others have changed since. */
const TRANSACTION_MAX_MS = 60_000;
/** Of the limit: how often to look. */
const LOOKS = 6;

type Options = {
  readonly db: ReadModel;
  readonly tell: (line: string) => void;
  readonly transactionMaxMs?: number;
};

/** Looks for such sessions and ends them, until the signal aborts. */
export async function limitReaders(options: Options, signal: AbortSignal): Promise<void> {
  const { db, tell, transactionMaxMs = TRANSACTION_MAX_MS } = options;
  let told = false;
  while (!signal.aborted) {
    await sleep(transactionMaxMs / LOOKS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    try {
      const may = await mayEndReads(db);
      if (!may && !told) tell(`Readers are not limited: our role is not a member of ${READER_ROLE}.`);
      told = !may;
      const ended = may ? await endLongReads(db, transactionMaxMs) : 0;
      if (ended > 0) tell(`Ended reader sessions (${ended}): a transaction was open for too long.`);
    } catch (error) {
      // The next look will do.
      if (!isUnreachable(error)) throw error;
    }
  }
}
