/**
 * Commands of one step that came at the same time, each with its own outcome. A workflow costs Temporal much more than a
 * command costs the log, so under load many share one. Its id is `commands/<batch id>`.
 */
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { CommandRequest, BatchResult, BatchOptions } from '../messages/commands.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { activitiesFor } from './options.ts';

/** Carries out commands together. */
export async function commands(
  requests: readonly CommandRequest[],
  options: BatchOptions,
): Promise<BatchResult> {
  const { carryOutBatch } = activitiesFor({ onOverload: 'retry' });
  const result = await carryOutBatch(requests, options);
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: 'completed' }]);
  return result;
}
