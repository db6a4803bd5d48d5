/**
 * How a workflow ends: it completes when the log has recorded its outcome, a rejection included, and it fails when
 * nothing was recorded. A failed workflow leaves its id, and so its Idempotency-Key, free for another try.
 */
import { ApplicationFailure } from '@temporalio/common';
import type { CarriedOut } from '../activities/index.ts';
import type { Answer } from '../messages/commands.ts';

/**
 * The answer of a command that was recorded.
 * @throws ApplicationFailure, its type the rejection's code, if nothing was recorded.
 */
export function recorded(result: CarriedOut): Answer {
  if ('answer' in result) return result.answer;
  const { code, detail } = result.refusal;
  throw ApplicationFailure.create({ message: detail, type: code, nonRetryable: true });
}
