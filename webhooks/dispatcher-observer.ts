/** Told of what a dispatcher does: to measure it. */
import type { AttemptOutcome } from '../contracts/webhooks.ts';

export type DispatcherObserver = {
  /** @param pending tells how many events wait for their webhooks now */
  readonly began: (pending: () => Promise<number>) => void;
  readonly attempted: (outcome: AttemptOutcome) => void;
};
