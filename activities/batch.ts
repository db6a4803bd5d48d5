/** Carries out commands that came at the same time, each with its own outcome. */
import { activityInfo } from '@temporalio/activity';
import type { Appender } from '../eventlog/append/appender.ts';
import type { EventReader } from '../eventlog/read/event-reader.ts';
import type { CarriedTogether, CommandRequest, Together, TogetherOptions } from '../messages/commands.ts';
import type { OutcomeBoard } from '../messages/local-outcomes.ts';
import { answerOf } from './command-result.ts';
import { asFailure, FAILURES } from './failures.ts';

export type TogetherActivity = {
  /** Decides all of them and appends their events. What one of them comes to, the others do not feel. */
  readonly carryOutTogether: (
    requests: readonly CommandRequest[],
    options: TogetherOptions,
  ) => Promise<Together>;
};

export type TogetherDependencies = {
  readonly appender: Pick<Appender, 'submit'>;
  readonly reader: Pick<EventReader, 'first'>;
  readonly board?: Pick<OutcomeBoard, 'post'> | undefined;
};

/** Makes the activity. */
export function createTogetherActivity({ appender, reader, board }: TogetherDependencies): TogetherActivity {
  return {
    async carryOutTogether(requests, { told }) {
      const { attempt, workflowExecution } = activityInfo();
      if (workflowExecution === undefined)
        throw asFailure(new Error('Commands are carried out by a workflow'), attempt);
      const { workflowId, runId } = workflowExecution;
      const one = async (request: CommandRequest): Promise<CarriedTogether> => {
        try {
          return await answerOf(reader, await appender.submit({ request, workflowId }));
        } catch (error) {
          const { type, message } = asFailure(error, attempt);
          // The log does not answer. All are asked for again: it knows those that it has.
          if (type === FAILURES.logUnavailable) throw error;
          return { failure: type === FAILURES.overloaded ? 'overloaded' : 'internal_error', detail: message };
        }
      };
      // To the end, all of them: an attempt that is over must not go on beside the next one.
      const settled = await Promise.allSettled(requests.map(one));
      const results = settled.map((each) => {
        if (each.status === 'rejected') throw asFailure(each.reason, attempt);
        return each.value;
      });
      board?.post({ name: workflowId, runId }, results);
      const count = (what: string) => results.filter((result) => what in result).length;
      const counts = { recorded: count('answer'), refused: count('refusal'), failed: count('failure') };
      return told ? counts : { ...counts, results };
    },
  };
}
