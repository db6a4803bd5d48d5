/** Sees to it that nobody who reads the tables keeps a transaction open for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isUnreachable, type ReadModel } from '../tables/database.ts';
import { endLongReads } from '../tables/readers.ts';

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
  while (!signal.aborted) {
    await sleep(transactionMaxMs / LOOKS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    try {
      const ended = await endLongReads(db, transactionMaxMs);
      if (ended > 0) tell(`Ended reader sessions (${ended}): a transaction was open for too long.`);
    } catch (error) {
      if (isUnreachable(error)) continue;
      // On a server of somebody else: our own role may not end what is not its own.
      tell(`Readers are not limited: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
  }
}
