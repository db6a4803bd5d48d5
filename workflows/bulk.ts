/**
 * A bulk: its chunks one after the other, in the order of its lines. Its id is `bulk/<id>`. The lines and what became
 * of them are stored elsewhere; here only the counts go round.
 */
import {
  CancellationScope,
  continueAsNew,
  defineQuery,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { BulkCounts, BulkProgress, BulkRequest } from '../contracts/bulks.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { steadfast } from './options.ts';

export const progress = defineQuery<BulkProgress>('progress');

const NONE: BulkCounts = { posted: 0, rejected: 0, failed: 0, position: 0 };

/** With the largest chunks a run sees all of ten thousand lines through. */
const CHUNKS_A_RUN = 100;
/**
 * What is done in one workflow task is in the history, and queries are answered, only when it ends. The timer that ends
 * it comes a second later, so it is not to end too often; so often it did before it could be chosen.
 */
const CHUNKS_A_TASK_BEFORE = 3;

/** Carries out a bulk, and gives its counts. A cancellation comes between two chunks: none is half done. */
export async function bulk(request: BulkRequest): Promise<BulkCounts> {
  const { id, chunks, from = 0, chunks_a_run = CHUNKS_A_RUN, chunks_a_task = CHUNKS_A_TASK_BEFORE } = request;
  let counts = request.counts ?? NONE;
  let next = from;
  setHandler(progress, () => ({ chunks, chunks_done: next, ...counts }));
  show('running');
  try {
    while (next < chunks) {
      const step = { bulk: id, chunk: next, before: counts };
      counts = await CancellationScope.nonCancellable(() => steadfast.carryOutChunk(step));
      next += 1;
      const full = next - from >= chunks_a_run || workflowInfo().continueAsNewSuggested;
      if (next < chunks && (full || (next - from) % chunks_a_task === 0)) await sleep(1);
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
