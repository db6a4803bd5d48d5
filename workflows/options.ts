/** How activities are tried. */
import { proxyLocalActivities, type LocalActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { CarryOutOptions } from '../contracts/commands.ts';

/**
 * Deciding and appending takes milliseconds, so it runs in the workflow task itself. A log that is away for a while is
 * tried again for ten minutes; after that the command fails and nothing was recorded, so its key may be used again.
 */
const APPEND: LocalActivityOptions = {
  startToCloseTimeout: '12 seconds',
  scheduleToCloseTimeout: '10 minutes',
  localRetryThreshold: '20 seconds',
  retry: { initialInterval: '50 milliseconds', backoffCoefficient: 2, maximumInterval: '5 seconds' },
};

/** Tried again whatever passes, a full queue included: the command was promised. */
const patient = proxyLocalActivities<Activities>(APPEND);

/** A full queue ends it at once, with nothing recorded: somebody waits, and can be told to come again. */
const prompt = proxyLocalActivities<Activities>({
  ...APPEND,
  retry: { ...APPEND.retry, nonRetryableErrorTypes: ['overloaded'] },
});

/** The activities of a command. Histories from before there was a choice hold no options: those commands are patient. */
export function activitiesFor({ onOverload = 'retry' }: CarryOutOptions = {}): Activities {
  return onOverload === 'fail' ? prompt : patient;
}
