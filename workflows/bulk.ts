/**
 * A bulk: its chunks one after the other, in the order of its lines. Its id is `bulk/<id>`. The lines and what became
 * of them are stored elsewhere; here only the counts go round.
 */
import {
  CancellationScope,
  CancelledFailure,
  continueAsNew,
  defineQuery,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { BulkCounts, BulkProgress, BulkRequest } from '../messages/bulk-jobs.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { retryForever } from './options.ts';

export const progress = defineQuery<BulkProgress>('progress');

const NONE: BulkCounts = { posted: 0, rejected: 0, failed: 0, position: 0 };

/** With the largest chunks a run sees all of ten thousand lines through. */
const CHUNKS_A_RUN = 100;
/** While one is on its way to the log, the next is decided. What was done is known again if the step is repeated. */
const CHUNKS_A_STEP = 10;

/**
 * Carries out a bulk, and gives its counts. A cancellation comes between two steps: no chunk is half done.
 *
 * A run is one workflow task, and only when it ends is what was done in the history, are queries answered, cancellations
 * heard, and workers let go. So runs are short, and the next goes on at once; a timer that ends the task takes a second.
 */
export async function bulk(request: BulkRequest): Promise<BulkCounts> {
  const { id, chunks, from = 0, chunks_a_run = CHUNKS_A_RUN } = request;
  let counts = request.counts ?? NONE;
  let next = from;
  setHandler(progress, () => ({ chunks, chunks_done: next, ...counts }));
  show('running');
  try {
    while (next < chunks) {
      const until = Math.min(next + CHUNKS_A_STEP, from + chunks_a_run, chunks);
      const step = { bulk: id, chunk: next, until, before: counts };
      counts = await CancellationScope.nonCancellable(() => retryForever.carryOutChunk(step));
      next = until;
      const full = next - from >= chunks_a_run || workflowInfo().continueAsNewSuggested;
      if (next < chunks && CancellationScope.current().consideredCancelled) {
        throw new CancelledFailure('The bulk was cancelled.');
      }
      if (full) break;
    }
  } catch (error) {
    show('stopped');
    throw error;
  }
  if (next < chunks) return await continueAsNew<typeof bulk>({ ...request, from: next, counts });
  show('completed');
  return counts;
}

function show(value: 'running' | 'completed' | 'stopped'): void {
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value }]);
}
