/**
 * Where a worker hands a command's outcome to whoever waits in the same process, as soon as the log has it. What is in the log is
 * durable, so its result need not wait until Temporal has written down that the workflow is done.
 *
 * A resource's commands share its workflow id, and several may come at the same moment. So an outcome is known by its
 * command and by the run that carried it out: nobody hears another's.
 */
import type { CommandResult, BatchItemResult, CommandRequest } from './commands.ts';

/** The result, or what became of each of several commands; undefined: the run's own end will tell. */
export type LocalOutcome = CommandResult | readonly BatchItemResult[] | undefined;

/** One who waits for the outcome of a command. */
export type OutcomeWaiter = {
  /** What the worker tells of this run, once it does; it may have done so already. */
  readonly ofRun: (runId: string) => Promise<LocalOutcome>;
  /** No longer interested. */
  readonly cancel: () => void;
};

export type LocalOutcomes = {
  /** Tells those who expect the outcome of a command, or of a batch, from this run. Nobody need be there. */
  readonly publish: (
    source: { readonly name: string; readonly runId: string },
    outcome: LocalOutcome,
  ) => void;
  /** Begins to wait for a command, or a batch; call it before the workflow starts. */
  readonly waitFor: (name: string) => OutcomeWaiter;
};

/** By what the outcome of a command is known: the same command again has the same key. */
export function outcomeKey({ command_id, fingerprint }: Pick<CommandRequest, 'command_id' | 'fingerprint'>) {
  return `${command_id} ${fingerprint}`;
}

/** Makes them. */
export function createLocalOutcomes(): LocalOutcomes {
  const waiting = new Map<string, Set<Runs>>();
  return {
    publish({ name, runId }, outcome) {
      for (const runs of waiting.get(name) ?? []) runs.of(runId).resolve(outcome);
    },
    waitFor(name) {
      const runs = new Runs();
      const all = waiting.get(name) ?? new Set();
      waiting.set(name, all.add(runs));
      const cancel = () => {
        all.delete(runs);
        if (all.size === 0 && waiting.get(name) === all) waiting.delete(name);
      };
      return { ofRun: (runId) => runs.of(runId).promise, cancel };
    },
  };
}

/** What was published, or will be, by run: until the start has returned nobody knows which run is the own one. */
class Runs {
  readonly #runs = new Map<string, PromiseWithResolvers<LocalOutcome>>();

  of(runId: string): PromiseWithResolvers<LocalOutcome> {
    const run = this.#runs.get(runId) ?? Promise.withResolvers<LocalOutcome>();
    this.#runs.set(runId, run);
    return run;
  }
}
