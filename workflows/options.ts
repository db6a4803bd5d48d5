/** How activities are tried. */
import { proxyLocalActivities, type LocalActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { CarryOutOptions } from '../messages/commands.ts';

/** Deciding and appending takes milliseconds, so it runs in the workflow task itself. */
const APPEND: LocalActivityOptions = {
  startToCloseTimeout: '12 seconds',
  localRetryThreshold: '20 seconds',
  retry: { initialInterval: '50 milliseconds', backoffCoefficient: 2, maximumInterval: '5 seconds' },
};

/**
 * What begins something is given up after ten minutes without the log: the command fails, nothing was recorded, and its
 * key may be used again.
 */
const BEGIN: LocalActivityOptions = { ...APPEND, scheduleToCloseTimeout: '10 minutes' };

/** Tried again whatever passes, a full queue included: the command was promised. */
const retryUntilAccepted = proxyLocalActivities<Activities>(BEGIN);

/** A full queue ends it at once, with nothing recorded: somebody waits, and can be told to come again. */
const failOnOverload = proxyLocalActivities<Activities>({
  ...BEGIN,
  retry: { ...BEGIN.retry, nonRetryableErrorTypes: ['overloaded'] },
});

/** What has begun is seen through, however long the log is away. */
export const retryForever = proxyLocalActivities<Activities>(APPEND);

/**
 * What was promised long ago, and nobody waits for. Asked less and less often, so that days without the log fit into its
 * history, and what waits for the log leaves the worker to others.
 */
export const retrySlowly = proxyLocalActivities<Activities>({
  ...APPEND,
  localRetryThreshold: '5 seconds',
  retry: { ...APPEND.retry, maximumInterval: '1 minute' },
});

/** The activities of a command. Without options a full queue is retried. */
export function activitiesFor({ onOverload = 'retry' }: CarryOutOptions = {}): Activities {
  return onOverload === 'fail' ? failOnOverload : retryUntilAccepted;
}
