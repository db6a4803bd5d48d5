/**
 * A firing of a schedule: one transfer. Temporal starts it when the time has come; its id is
 * `schedule/<id>-<the time>`. It completes when the log has the transfer, posted or rejected, and fails when nothing
 * could be recorded. Either way the schedule goes on.
 */
import { ApplicationFailure, defineSearchAttributeKey } from '@temporalio/common';
import { CancellationScope, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { firingTransferId } from '../domain/schedule.ts';
import type { CommandResult, MovementRequest, Unstamped } from '../messages/commands.ts';
import type { FiringRequest } from '../messages/firings.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { retrySlowly } from './options.ts';
import { recorded } from './outcome.ts';

/** Temporal's own: the time that a firing was due, whenever it came about. */
const DUE = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

/** Makes the transfer of a firing. */
export async function firing(request: FiringRequest): Promise<CommandResult> {
  const command = commandOf(request, due());
  // What is on its way to the log is not called back: nobody would know whether it arrived.
  const result = await CancellationScope.nonCancellable(() => retrySlowly.carryOut(command));
  const status = 'result' in result ? result.result.transfer?.status : undefined;
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: status ?? 'failed' }]);
  return recorded(result);
}

function commandOf(
  { schedule, transfer, actor, fingerprint }: FiringRequest,
  time: string,
): Unstamped<MovementRequest> {
  const id = firingTransferId(schedule, time);
  return {
    ...(transfer as Pick<MovementRequest, keyof FiringRequest['transfer']>),
    type: 'transfer',
    kind: 'transfer',
    id,
    command_id: id,
    actor,
    fingerprint,
    schedule,
  };
}

/** When it was due, RFC 3339. */
function due(): string {
  const time = workflowInfo().typedSearchAttributes.get(DUE);
  if (time) return time.toISOString();
  throw ApplicationFailure.nonRetryable('A firing is started by its schedule', 'invalid_request');
}
