/** Carries several commands out by one workflow, `commands/<batch id>`. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { CarriedTogether, Together } from '../../messages/commands.ts';
import type { OutcomeBoard } from '../../messages/local-outcomes.ts';
import { TASK_QUEUE } from '../../messages/workflow-ids.ts';
import type { CommandOutcome } from '../commands/commands.ts';
import type { Carriers } from './coalescer.ts';
import { outcomeOfFailure } from './failures.ts';
import { searchAttributesOfMany } from './labels.ts';
import { heard } from './local-outcome.ts';

/**
 * The carrier of several commands at once.
 * @param alone carries out each of them by itself if nobody tells what became of them: the log knows
 */
export function createTogether(
  client: Client,
  { alone, board }: { alone: Carriers['alone']; board: OutcomeBoard | undefined },
): Carriers['together'] {
  return async (requests, deadline) => {
    const workflowId = `commands/${randomUUID()}`;
    // Before the start: the worker may be done before the start has returned.
    const local = board?.expect(workflowId);
    try {
      const handle = await client.withDeadline(deadline, () =>
        client.workflow.start('commands', {
          workflowId,
          taskQueue: TASK_QUEUE,
          args: [requests, { told: board !== undefined }],
          requestEagerStart: board !== undefined,
          staticSummary: `${requests.length} commands`,
          typedSearchAttributes: searchAttributesOfMany(requests),
        }),
      );
      const told = (await heard(local?.noticeOf(handle.firstExecutionRunId))) as
        readonly CarriedTogether[] | undefined;
      if (told) return told.map(settledOf);
      const { results } = await client.withDeadline(deadline, () => handle.result() as Promise<Together>);
      if (results) return results.map(settledOf);
      // The worker was another process after all, and told itself.
      return await Promise.allSettled(requests.map((request) => alone(request, deadline)));
    } catch (error) {
      const outcome = outcomeOfFailure(error);
      return requests.map(() => ({ status: 'fulfilled', value: outcome }));
    } finally {
      local?.cancel();
    }
  };
}

function settledOf(result: CarriedTogether): PromiseSettledResult<CommandOutcome> {
  if ('failure' in result) {
    const { failure, detail } = result;
    if (failure === 'internal_error') return { status: 'rejected', reason: new Error(detail) };
    return { status: 'fulfilled', value: { type: 'unavailable', code: failure, detail } };
  }
  return 'answer' in result
    ? {
        status: 'fulfilled',
        value: { type: 'answered', answer: result.answer, replayed: result.answer.replayed },
      }
    : { status: 'fulfilled', value: { type: 'refused', rejection: result.refusal } };
}
