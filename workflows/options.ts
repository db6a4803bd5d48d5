/** How activities are tried. */
import type { LocalActivityOptions } from '@temporalio/workflow';

/**
 * Deciding and appending takes milliseconds, so it runs in the workflow task itself. A log that is away for a while is
 * tried again for ten minutes; after that the command fails and nothing was recorded, so its key may be used again.
 */
export const APPEND: LocalActivityOptions = {
  startToCloseTimeout: '12 seconds',
  scheduleToCloseTimeout: '10 minutes',
  localRetryThreshold: '20 seconds',
  retry: { initialInterval: '50 milliseconds', backoffCoefficient: 2, maximumInterval: '5 seconds' },
};
