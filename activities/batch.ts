/** Carries out commands that came at the same time, each with its own outcome. */
import { activityInfo } from '@temporalio/activity';
import type { Appender } from '../eventlog/append/appender.ts';
import type { EventReader } from '../eventlog/read/event-reader.ts';
import type { BatchItemResult, CommandRequest, BatchResult, BatchOptions } from '../messages/commands.ts';
import type { LocalOutcomes } from '../messages/local-outcomes.ts';
import { resultOrError } from './command-result.ts';
import { asFailure, FAILURES } from './failures.ts';

export type BatchActivity = {
  /** Decides all of them and appends their events. What one of them comes to, the others do not feel. */
  readonly carryOutBatch: (
    requests: readonly CommandRequest[],
    options: BatchOptions,
  ) => Promise<BatchResult>;
};

export type BatchDependencies = {
  readonly appender: Pick<Appender, 'submit'>;
  readonly reader: Pick<EventReader, 'first'>;
  readonly localOutcomes?: Pick<LocalOutcomes, 'publish'> | undefined;
};

/** Makes the activity. */
export function createBatchActivity({ appender, reader, localOutcomes }: BatchDependencies): BatchActivity {
  return {
    async carryOutBatch(requests, { localOutcomesOnly }) {
      const { attempt, workflowExecution } = activityInfo();
      if (workflowExecution === undefined)
        throw asFailure(new Error('Commands are carried out by a workflow'), attempt);
      const { workflowId, runId } = workflowExecution;
      const one = async (request: CommandRequest): Promise<BatchItemResult> => {
        try {
          return await resultOrError(reader, await appender.submit({ request, workflowId }));
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
      localOutcomes?.publish({ name: workflowId, runId }, results);
      const count = (what: string) => results.filter((result) => what in result).length;
      const counts = { recorded: count('result'), errors: count('error'), failed: count('failure') };
      return localOutcomesOnly ? counts : { ...counts, results };
    },
  };
}
