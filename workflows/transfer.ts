/**
 * A transfer: posted or rejected at once, or seen through to its end when it has to wait. Its id is `transfer/<id>`.
 *
 *   approval    the money is held → somebody approves (then it moves), rejects or cancels, or the time is over
 *   date        the day comes → the money moves, if it is there
 *   rail        the money is held → the rail takes it → it is captured, or let go
 */
import { ApplicationFailure, type UpdateDefinition } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  defineUpdate,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import type { TransferResource } from '../contracts/http.ts';
import { isWaiting } from '../domain/transfer.ts';
import {
  makesTransfer,
  type CommandResult,
  type DecisionRequest,
  type CarryOutOptions,
  type RailReportRequest,
  type ResolveRequest,
  type TransferRequest,
  type Unstamped,
} from '../messages/commands.ts';
import { Lifecycle, requireFullCommand } from './lifecycle.ts';
import { retryForever } from './options.ts';
import { handleRailUpdates, takeOver, payThroughRail } from './rail.ts';

/** What is said to a transfer that waits. HTTP sends all of it; from the Temporal UI a reason is enough, or nothing. */
type DecisionInput = { readonly reason?: string } & Partial<DecisionRequest>;

export const approve = defineUpdate<CommandResult, [DecisionInput?]>('approve');
export const reject = defineUpdate<CommandResult, [DecisionInput?]>('reject');
export const cancel = defineUpdate<CommandResult, [DecisionInput?]>('cancel');
/** The request that made the transfer, sent again while another one's workflow sees the transfer through. */
export const repeat = defineUpdate<CommandResult, [TransferRequest]>('repeat');
/** The result of the command that the workflow was started for, and the transfer as it ended if it had to wait. */
export type Ended = CommandResult & { readonly ended?: TransferResource };

/** Moves money, or records why it does not; or decides a transfer that waits and sees it through. */
export async function transfer(
  request: TransferRequest | DecisionRequest | ResolveRequest | RailReportRequest,
  options?: CarryOutOptions,
): Promise<Ended> {
  const { id } = request;
  const lifecycle = new Lifecycle('transfer', () => retryForever.currentTransfer(id));
  const waits = () => lifecycle.resource !== undefined && isWaiting(lifecycle.resource.status);
  const handle = (
    update: UpdateDefinition<CommandResult, [DecisionInput?]>,
    type: DecisionRequest['type'],
  ) => {
    const handler = async (decision?: DecisionInput) => {
      await lifecycle.first();
      return lifecycle.step({ ...lifecycle.metaOfUpdate(decision), ...reasonOf(decision), type, id });
    };
    setHandler(update, handler, {
      validator: (decision?: DecisionInput) => requireOpen(lifecycle, decision),
    });
  };
  handle(approve, 'transfer.approve');
  handle(reject, 'transfer.reject');
  handle(cancel, 'transfer.cancel');
  const onRepeat = async (command: TransferRequest) => {
    await lifecycle.first();
    return lifecycle.step(command);
  };
  setHandler(repeat, onRepeat, {
    validator: (command?: TransferRequest) =>
      requireFullCommand(command?.id === id && makesTransfer(command)),
  });
  handleRailUpdates(lifecycle, id);

  try {
    if (request.type === 'transfer.resolve') await takeOver(lifecycle, id);
    const result = await lifecycle.begin(request, options);
    while (waits()) await awaitStep(lifecycle, id);
    await condition(allHandlersFinished);
    const { transfer: begun } = result;
    return begun && isWaiting(begun.status)
      ? { ...result, ended: lifecycle.resource as TransferResource }
      : result;
  } catch (error) {
    if (waits()) await CancellationScope.nonCancellable(() => compensate(lifecycle, { id, error }));
    throw error;
  }
}

/** Waits for what the transfer waits for, and takes the step that is due then. */
async function awaitStep(lifecycle: Lifecycle<'transfer'>, id: string): Promise<void> {
  const { status: now, approval_expires_at, scheduled_for, rail } = lifecycle.resource as TransferResource;
  if (now === 'awaiting_approval' && approval_expires_at !== undefined) {
    if (await lifecycle.reaches(approval_expires_at)) {
      await lifecycle.step({ ...lifecycle.meta(), type: 'transfer.expire', id });
    }
    return;
  }
  if (now === 'scheduled' && scheduled_for !== undefined) {
    if (await lifecycle.reaches(scheduled_for)) {
      await lifecycle.step({ ...lifecycle.meta(), type: 'transfer.complete', id });
    }
    return;
  }
  if (now === 'pending' && rail !== undefined) {
    await payThroughRail(lifecycle, id);
    return;
  }
  throw ApplicationFailure.nonRetryable(`Transfer ${id} waits for something unknown`, 'internal_error');
}

/**
 * The compensation: a workflow that was cancelled, or cannot go on, leaves no money held, unless a rail may have it: that
 * is for an operator to find out.
 */
async function compensate(
  lifecycle: Lifecycle<'transfer'>,
  { id, error }: { id: string; error: unknown },
): Promise<void> {
  if (lifecycle.status === 'pending') {
    const reason = isCancellation(error)
      ? 'The workflow of the transfer was cancelled.'
      : 'The workflow of the transfer failed.';
    await lifecycle.step({ ...lifecycle.meta(), type: 'transfer.park', id, reason });
    return;
  }
  const cancelled: Unstamped = {
    ...lifecycle.meta(),
    type: 'transfer.cancel',
    id,
    reason: 'The workflow of the transfer was cancelled.',
  };
  const failed: Unstamped = {
    ...lifecycle.meta(),
    type: 'transfer.fail',
    id,
    code: 'workflow_failed',
    detail: error instanceof Error ? error.message : 'The workflow of the transfer failed.',
  };
  await lifecycle.step(isCancellation(error) ? cancelled : failed);
}

/** A command with a key may be a repeat, whose result the log has; everything else must come in time. */
function requireOpen(lifecycle: Lifecycle<'transfer'>, decision: DecisionInput | undefined): void {
  const { reason, idempotency_key } = decision ?? {};
  if (reason !== undefined && !isReason(reason)) {
    const message = 'A reason is text of 1 to 500 characters, without control characters';
    throw ApplicationFailure.nonRetryable(message, 'invalid_request');
  }
  const open =
    lifecycle.resource === undefined ||
    lifecycle.status === 'awaiting_approval' ||
    lifecycle.status === 'scheduled';
  if (!open && idempotency_key === undefined) {
    throw ApplicationFailure.nonRetryable(
      `The transfer is ${lifecycle.status}: this step is not possible.`,
      'transfer_not_pending',
    );
  }
}

/** What HTTP takes as a reason; from the Temporal UI anything may come. */
function isReason(reason: unknown): boolean {
  if (typeof reason !== 'string' || reason.length === 0 || reason.length > 500) return false;
  return reason.isWellFormed() && !/\p{Cc}/u.test(reason);
}

function reasonOf(decision: DecisionInput | undefined): { reason?: string } {
  return decision?.reason === undefined ? {} : { reason: decision.reason };
}
