/** Tries again for as long as Postgres cannot be reached. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isUnreachable } from '../tables/database.ts';

const BACK_OFF_MIN_MS = 100;
const BACK_OFF_MAX_MS = 5_000;
/**
 * A connection that ends is no outage. The driver (postgres 3.4) may even tell of its end again, to the first work that
 * comes after it.
 */
const TELL_AFTER_MS = 500;

/** Does the work until it succeeds. Undefined only when the signal aborted while it waited to try again. */
export type RetryWhileUnreachable = <Result>(work: () => Promise<Result>) => Promise<Result | undefined>;

/**
 * Work is repeated, after a jittered back-off, when Postgres could not be reached; `tell` hears of it once when that
 * lasts and once when it is over. Every other error is thrown: it would come again.
 */
export function createRetryWhileUnreachable(
  tell: (line: string) => void,
  signal: AbortSignal,
): RetryWhileUnreachable {
  // Several works lose one server, each when its own connection ends. While one of them waits, it is away.
  let waiting = 0;
  let told = false;
  return async (work) => {
    let since: number | undefined;
    try {
      for (let tries = 0; ; tries++) {
        try {
          return await work();
        } catch (error) {
          if (!isUnreachable(error)) throw error;
          if (since === undefined) waiting += 1;
          since ??= performance.now();
          if (!told && performance.now() - since > TELL_AFTER_MS) {
            told = true;
            tell(`Postgres cannot be reached, trying again until it can: ${reason(error)}`);
          }
        }
        const longest = Math.min(BACK_OFF_MIN_MS * 2 ** tries, BACK_OFF_MAX_MS);
        await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
        if (signal.aborted) return undefined;
      }
    } finally {
      if (since !== undefined) waiting -= 1;
      if (told && waiting === 0) {
        told = false;
        if (!signal.aborted) tell('Postgres answers again.');
      }
    }
  };
}

function reason(error: unknown): string {
  // Node says nothing in the message when it has tried several addresses.
  if (error instanceof AggregateError) return error.errors.map(reason).join(', ');
  return error instanceof Error ? error.message : String(error);
}
