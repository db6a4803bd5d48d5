/** What a worker and the active writer say to each other: commands one way, their outcomes the other. */
import type { SentBefore } from '../append/appender.ts';
import type { Outcome } from '../append/outcome.ts';
import type { Submission } from '../append/plan.ts';
import { LogUnavailable, NotActive, Overloaded } from '../errors.ts';

/** A command, and what became of it: its outcome, or why there is none. */
export type ForwardedResult =
  | { readonly outcome: Outcome }
  | { readonly failure: Failure; readonly message: string; readonly inDoubt: boolean };

type Failure = 'overloaded' | 'unavailable' | 'not_active' | 'bug';

/** One command as a piece of a batch. Times go as durations: clocks differ between machines. */
export function encodeCommand({
  request,
  workflowId,
  since,
  inDoubt,
}: Submission & Required<SentBefore>): string {
  const waited = Math.max(0, Math.round(performance.now() - since));
  return JSON.stringify([request, workflowId, waited, inDoubt]);
}

/** The commands of a batch. */
export function decodeCommands(batch: string): (Submission & Required<SentBefore>)[] {
  const commands = JSON.parse(batch) as [Submission['request'], string, number, boolean][];
  return commands.map(([request, workflowId, waited, inDoubt]) => ({
    request,
    workflowId,
    since: performance.now() - waited,
    inDoubt,
  }));
}

/**
 * The results of a batch.
 * @throws LogUnavailable if they are not for `count` commands.
 */
export function decodeResults(reply: string, count: number): ForwardedResult[] {
  const results = JSON.parse(reply) as ForwardedResult[];
  if (!Array.isArray(results) || results.length !== count) {
    throw new LogUnavailable(`The active writer answered ${count} commands with ${reply.slice(0, 100)}`);
  }
  return results;
}

/** What to tell the sender of a command that failed here. */
export function failedResult(error: unknown): ForwardedResult {
  const message = error instanceof Error ? error.message : String(error);
  const inDoubt = error instanceof NotActive && error.inDoubt;
  return { failure: failureOf(error), message, inDoubt };
}

function failureOf(error: unknown): Failure {
  if (error instanceof Overloaded) return 'overloaded';
  if (error instanceof LogUnavailable) return 'unavailable';
  return error instanceof NotActive ? 'not_active' : 'bug';
}

/** The error that failed the command at the active writer. */
export function errorOf({ failure, message, inDoubt }: Extract<ForwardedResult, { failure: string }>): Error {
  switch (failure) {
    case 'overloaded':
      return new Overloaded(message);
    case 'unavailable':
      return new LogUnavailable(message);
    case 'not_active':
      return new NotActive(inDoubt);
    case 'bug':
      return new Error(message);
  }
}
