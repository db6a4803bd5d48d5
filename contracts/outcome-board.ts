/**
 * Where a worker tells whoever waits in the same process that the log has a command's outcome. What is in the log is
 * durable, so its answer need not wait until Temporal has written down that the workflow is done.
 */
import type { Answer, CarriedTogether } from './commands.ts';

/** The answer, or what became of each of several commands; undefined: the workflow's own end will tell. */
export type Notice = Answer | readonly CarriedTogether[] | undefined;

export type OutcomeBoard = {
  /** Tells those who expect this workflow's outcome. Nobody need be there. */
  readonly post: (workflowId: string, notice: Notice) => void;
  /** Begins to wait; call it before the workflow starts. `cancel` when no longer interested. */
  readonly expect: (workflowId: string) => { readonly notice: Promise<Notice>; readonly cancel: () => void };
};

/** Makes a board. */
export function createOutcomeBoard(): OutcomeBoard {
  const waiting = new Map<string, Set<(notice: Notice) => void>>();
  return {
    post(workflowId, notice) {
      for (const tell of waiting.get(workflowId) ?? []) tell(notice);
      waiting.delete(workflowId);
    },
    expect(workflowId) {
      const all = waiting.get(workflowId) ?? new Set();
      waiting.set(workflowId, all);
      let tell: (notice: Notice) => void;
      const notice = new Promise<Notice>((resolve) => {
        tell = resolve;
        all.add(tell);
      });
      const cancel = () => {
        all.delete(tell);
        if (all.size === 0 && waiting.get(workflowId) === all) waiting.delete(workflowId);
      };
      return { notice, cancel };
    },
  };
}
