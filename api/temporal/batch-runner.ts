/** Carries several commands out by one workflow, `commands/<batch id>`. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { BatchItemResult, BatchResult } from '../../messages/commands.ts';
import type { LocalOutcomes } from '../../messages/local-outcomes.ts';
import { TASK_QUEUE } from '../../messages/workflow-ids.ts';
import type { CommandOutcome } from '../commands/commands.ts';
import type { CommandRunner } from './coalescer.ts';
import { outcomeOfFailure } from './failures.ts';
import { searchAttributesOfMany } from './labels.ts';
import { awaitLocalOutcome } from './local-outcome.ts';

/**
 * The carrier of several commands at once.
 * @param alone carries out each of them by itself if nobody tells what became of them: the log knows
 */
export function createBatchRunner(
  client: Client,
  { runOne, localOutcomes }: { runOne: CommandRunner['runOne']; localOutcomes: LocalOutcomes | undefined },
): CommandRunner['runBatch'] {
  return async (requests, deadline) => {
    const workflowId = `commands/${randomUUID()}`;
    // Before the start: the worker may be done before the start has returned.
    const local = localOutcomes?.waitFor(workflowId);
    try {
      const handle = await client.withDeadline(deadline, () =>
        client.workflow.start('commands', {
          workflowId,
          taskQueue: TASK_QUEUE,
          args: [requests, { outcomes: localOutcomes !== undefined }],
          requestEagerStart: localOutcomes !== undefined,
          staticSummary: `${requests.length} commands`,
          typedSearchAttributes: searchAttributesOfMany(requests),
        }),
      );
      const outcomes = (await awaitLocalOutcome(local?.ofRun(handle.firstExecutionRunId))) as
        readonly BatchItemResult[] | undefined;
      if (outcomes) return outcomes.map(settledOf);
      const { results } = await client.withDeadline(deadline, () => handle.result() as Promise<BatchResult>);
      if (results) return results.map(settledOf);
      // The worker was another process after all, and published to itself.
      return await Promise.allSettled(requests.map((request) => runOne(request, deadline)));
    } catch (error) {
      const outcome = outcomeOfFailure(error);
      return requests.map(() => ({ status: 'fulfilled', value: outcome }));
    } finally {
      local?.cancel();
    }
  };
}

function settledOf(result: BatchItemResult): PromiseSettledResult<CommandOutcome> {
  if ('failure' in result) {
    const { failure, detail } = result;
    if (failure === 'internal_error') return { status: 'rejected', reason: new Error(detail) };
    return { status: 'fulfilled', value: { type: 'unavailable', code: failure, detail } };
  }
  return 'result' in result
    ? {
        status: 'fulfilled',
        value: { type: 'recorded', result: result.result, replayed: result.result.replayed },
      }
    : { status: 'fulfilled', value: { type: 'error', rejection: result.error } };
}
