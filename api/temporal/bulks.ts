/** Carries bulks out by workflows, found in the Temporal UI as `bulk/<id>`. */
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { BulkCounts, BulkRequest } from '../../messages/bulk-jobs.ts';
import { resourceWorkflowId, TASK_QUEUE } from '../../messages/workflow-ids.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/attributes.ts';
import type { BulkWorkflows } from '../bulks/bulks.ts';
import { ProblemError } from '../http/problem.ts';
import { outcomeOfFailure } from './failures.ts';

/**
 * About a second's work: a cancellation, a query or a shutdown waits no longer. After a shorter run Temporal makes the next
 * one wait until a second is over (measured: 0.4 s after one of 0.6 s).
 */
const CHUNKS_A_RUN = 20;
/** How long Temporal may take to make a bulk durable. */
const START_TIMEOUT_MS = 3_000;
/** How long a question for counts, which are known already, waits for Temporal. */
const STATE_TIMEOUT_MS = 1_000;

type Bulk = (request: BulkRequest) => Promise<BulkCounts>;

/** What every start of a bulk's workflow has, the first one and one that takes it up again. */
export function bulkStart(request: BulkRequest) {
  const { kind, status } = SEARCH_ATTRIBUTES;
  return {
    workflowId: resourceWorkflowId('bulk', request.id),
    args: [{ ...request, chunks_a_run: CHUNKS_A_RUN }] satisfies Parameters<Bulk>,
    typedSearchAttributes: [
      { key: kind, value: 'bulk' },
      { key: status, value: 'pending' },
    ],
  };
}

/**
 * Bulks as workflows.
 * @param eager true if a worker shares the client's connection
 */
export function createBulkWorkflows(client: Client, eager: boolean): BulkWorkflows {
  return {
    async start(request) {
      const { chunks } = request;
      try {
        await client.withDeadline(Date.now() + START_TIMEOUT_MS, () =>
          client.workflow.start<Bulk>('bulk', {
            ...bulkStart(request),
            taskQueue: TASK_QUEUE,
            requestEagerStart: eager,
            staticSummary: `bulk of ${chunks} ${chunks === 1 ? 'chunk' : 'chunks'}`,
            // One that was stopped is taken up by the same request; one that has come to its end is not repeated.
            workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
            workflowIdConflictPolicy: 'FAIL',
          }),
        );
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) return;
        const outcome = outcomeOfFailure(error);
        if (outcome.type !== 'unavailable') throw error;
        throw new ProblemError(outcome.code, { detail: outcome.detail, cause: error });
      }
    },
    async state(id) {
      const handle = client.workflow.getHandle(resourceWorkflowId('bulk', id));
      try {
        const { status } = await client.withDeadline(Date.now() + STATE_TIMEOUT_MS, () => handle.describe());
        // What has come to its end has just stored its last counts.
        return ['RUNNING', 'COMPLETED', 'CONTINUED_AS_NEW'].includes(status.name) ? 'running' : 'stopped';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return 'unknown';
        if (outcomeOfFailure(error).type === 'unavailable') return undefined;
        throw error;
      }
    },
  };
}
