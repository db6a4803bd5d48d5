/** Listens to the worker in the same process, for a while. */
import type { LocalOutcome } from '../../messages/local-outcomes.ts';
import { withTimeLimit } from '../../runtime/time-limit.ts';

/** How long to wait for the worker of this process before Temporal is asked too. */
const LOCAL_NOTICE_MS = 500;

/** What the worker tells soon; undefined if it tells nothing, so that Temporal must be asked. */
export async function awaitLocalOutcome(outcome: Promise<LocalOutcome> | undefined): Promise<LocalOutcome> {
  if (!outcome) return undefined;
  return await withTimeLimit(outcome, LOCAL_NOTICE_MS, () => undefined);
}
