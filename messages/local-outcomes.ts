/**
 * Where a worker tells whoever waits in the same process that the log has a command's outcome. What is in the log is
 * durable, so its answer need not wait until Temporal has written down that the workflow is done.
 *
 * A resource's commands share its workflow id, and several may come at the same moment. So an outcome is known by its
 * command and by the run that carried it out: nobody hears another's.
 */
import type { Answer, CarriedTogether, CommandRequest } from './commands.ts';

/** The answer, or what became of each of several commands; undefined: the run's own end will tell. */
export type Notice = Answer | readonly CarriedTogether[] | undefined;

/** One who waits for the outcome of a command. */
export type Expectation = {
  /** What the worker tells of this run, once it does; it may have done so already. */
  readonly noticeOf: (runId: string) => Promise<Notice>;
  /** No longer interested. */
  readonly cancel: () => void;
};

export type OutcomeBoard = {
  /** Tells those who expect the outcome of a command, or of a batch, from this run. Nobody need be there. */
  readonly post: (source: { readonly name: string; readonly runId: string }, notice: Notice) => void;
  /** Begins to wait for a command, or a batch; call it before the workflow starts. */
  readonly expect: (name: string) => Expectation;
};

/** By what the outcome of a command is known on the board: the same command again has the same name. */
export function boardName({ command_id, fingerprint }: Pick<CommandRequest, 'command_id' | 'fingerprint'>) {
  return `${command_id} ${fingerprint}`;
}

/** Makes a board. */
export function createOutcomeBoard(): OutcomeBoard {
  const waiting = new Map<string, Set<Runs>>();
  return {
    post({ name, runId }, notice) {
      for (const runs of waiting.get(name) ?? []) runs.of(runId).resolve(notice);
    },
    expect(name) {
      const runs = new Runs();
      const all = waiting.get(name) ?? new Set();
      waiting.set(name, all.add(runs));
      const cancel = () => {
        all.delete(runs);
        if (all.size === 0 && waiting.get(name) === all) waiting.delete(name);
      };
      return { noticeOf: (runId) => runs.of(runId).promise, cancel };
    },
  };
}

/** What was told, or will be, by run: until the start has returned nobody knows which run is the own one. */
class Runs {
  readonly #runs = new Map<string, PromiseWithResolvers<Notice>>();

  of(runId: string): PromiseWithResolvers<Notice> {
    const run = this.#runs.get(runId) ?? Promise.withResolvers<Notice>();
    this.#runs.set(runId, run);
    return run;
  }
}
