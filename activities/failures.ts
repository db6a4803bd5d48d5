/** Which failures Temporal may try again. Business rejections are not among them: they are returned, not thrown. */
import { ApplicationFailure } from '@temporalio/common';
import { Overloaded } from '../eventlog/appender.ts';
import { LogUnavailable } from '../eventlog/reader.ts';

/** The types that a failed activity can have; stable, since workflows and the API read them. */
export const FAILURES = {
  overloaded: 'overloaded',
  logUnavailable: 'dependency_unavailable',
  bug: 'internal_error',
} as const;

/** An error as Temporal's failure: what may pass is retried, a bug is not. */
export function asFailure(error: unknown): ApplicationFailure {
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error ? { cause: error } : {};
  if (error instanceof Overloaded) {
    return ApplicationFailure.create({ message, type: FAILURES.overloaded, ...cause });
  }
  if (error instanceof LogUnavailable) {
    return ApplicationFailure.create({ message, type: FAILURES.logUnavailable, ...cause });
  }
  return ApplicationFailure.create({ message, type: FAILURES.bug, nonRetryable: true, ...cause });
}
