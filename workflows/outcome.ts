/**
 * How a workflow ends: it completes when the log has recorded its outcome, a rejection included, and it fails when
 * nothing was recorded. A failed workflow leaves its id, and so its Idempotency-Key, free for another try.
 */
import { ApplicationFailure } from '@temporalio/common';
import type { CarryOutResult } from '../activities/index.ts';
import type { CommandResult } from '../messages/commands.ts';

/**
 * The result of a command that was recorded.
 * @throws ApplicationFailure, its type the rejection's code, if nothing was recorded.
 */
export function recorded(result: CarryOutResult): CommandResult {
  if ('result' in result) return result.result;
  const { code, detail } = result.error;
  throw ApplicationFailure.create({ message: detail, type: code, nonRetryable: true });
}
