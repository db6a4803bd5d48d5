/** Tries again for as long as Postgres cannot be reached. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isUnreachable } from '../tables/database.ts';

const BACK_OFF_MIN_MS = 100;
const BACK_OFF_MAX_MS = 5_000;

/** Does the work until it succeeds. Undefined only when the signal aborted while it waited to try again. */
export type RetryWhileUnreachable = <Result>(work: () => Promise<Result>) => Promise<Result | undefined>;

/**
 * Work is repeated, after a jittered back-off, when Postgres could not be reached; `tell` hears of it once when that
 * begins and once when it ends. Every other error is thrown: it would come again.
 */
export function createRetryWhileUnreachable(
  tell: (line: string) => void,
  signal: AbortSignal,
): RetryWhileUnreachable {
  // Several works may be under way: they lose one server.
  let away = false;
  return async (work) => {
    for (let tries = 0; ; tries++) {
      try {
        const result = await work();
        if (away) tell('Postgres answers again.');
        away = false;
        return result;
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        if (!away) tell(`Postgres cannot be reached, trying again until it can: ${reason(error)}`);
        away = true;
      }
      const longest = Math.min(BACK_OFF_MIN_MS * 2 ** tries, BACK_OFF_MAX_MS);
      await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
      if (signal.aborted) return undefined;
    }
  };
}

function reason(error: unknown): string {
  // Node says nothing in the message when it has tried several addresses.
  if (error instanceof AggregateError) return error.errors.map(reason).join(', ');
  return error instanceof Error ? error.message : String(error);
}
