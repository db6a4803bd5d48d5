import { Overloaded } from '../errors.ts';

/** What an appender reports of its work to whoever measures it. The log knows nothing of how that is done. */
import type { Appender } from './appender.ts';
import type { Outcome } from './outcome.ts';

/**
 * What became of a command: it left a transfer `posted`, or the rules rejected it, which is recorded (`rejected`);
 * an account, a hold or a transfer that waits was `changed`; an earlier one was found (`replayed`), nothing was recorded
 * (`error`), the queue was full (`overloaded`), or the log gave no clear answer (`unavailable`).
 */
export const COMMAND_OUTCOMES = [
  'posted',
  'rejected',
  'changed',
  'replayed',
  'error',
  'overloaded',
  'unavailable',
] as const;

export type ObservedOutcome = (typeof COMMAND_OUTCOMES)[number];

/** One batch that was sent: how many messages it has, what the log said, and how long that took. */
export type ObservedAppend = {
  readonly result: 'stored' | 'conflict' | 'unknown';
  readonly messages: number;
  readonly seconds: number;
};

export type AppenderObserver = {
  /** Told once, when the appender begins: how many commands wait can be asked at any time. */
  readonly began: (queue: { readonly depth: () => number; readonly max: number }) => void;
  readonly appended: (append: ObservedAppend) => void;
  readonly carriedOut: (outcome: ObservedOutcome) => void;
};

/** The same appender, and the observer is told of its queue and of every command's outcome. */
export function observed(appender: Appender, observer: AppenderObserver, max: number): Appender {
  observer.began({ depth: appender.depth, max });
  return {
    ...appender,
    async submit(submission) {
      try {
        const outcome = await appender.submit(submission);
        observer.carriedOut(nameOf(outcome));
        return outcome;
      } catch (error) {
        observer.carriedOut(error instanceof Overloaded ? 'overloaded' : 'unavailable');
        throw error;
      }
    },
  };
}

function nameOf(outcome: Outcome): ObservedOutcome {
  if (outcome.type === 'error') return 'error';
  if (outcome.replayed) return 'replayed';
  if (outcome.type === 'rejected') return 'rejected';
  if (outcome.type !== 'transfer') return 'changed';
  if (outcome.rejection !== undefined) return 'rejected';
  return outcome.transfer.status === 'posted' ? 'posted' : 'changed';
}
