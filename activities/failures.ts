/** Which failures Temporal may try again. Business rejections are not among them: they are returned, not thrown. */
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { LogUnavailable, Overloaded } from '../eventlog/errors.ts';

/** The types that a failed activity can have; stable, since workflows and the API read them. */
export const FAILURES = {
  overloaded: 'overloaded',
  logUnavailable: 'dependency_unavailable',
  bug: 'internal_error',
} as const;

/**
 * An error as Temporal's failure: what may pass is retried, a bug is not. `overloaded` says that nothing was done, and
 * only the first attempt can know that: what one before it sent may be in the log.
 */
export function asFailure(error: unknown, attempt: number): ApplicationFailure {
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error ? { cause: error } : {};
  if (error instanceof Overloaded && attempt === 1) {
    // Counted, not logged: a worker with too much to do must not write a page for each command that it turns away.
    const category = ApplicationFailureCategory.BENIGN;
    return ApplicationFailure.create({ message, type: FAILURES.overloaded, category, ...cause });
  }
  if (error instanceof LogUnavailable || error instanceof Overloaded) {
    return ApplicationFailure.create({ message, type: FAILURES.logUnavailable, ...cause });
  }
  return ApplicationFailure.create({ message, type: FAILURES.bug, nonRetryable: true, ...cause });
}
