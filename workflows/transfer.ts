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
  type Answer,
  type AnswerRequest,
  type CarryOutOptions,
  type RailAnsweredRequest,
  type ResolveRequest,
  type TransferRequest,
  type Unstamped,
} from '../messages/commands.ts';
import { Course, requireWholeCommand } from './lifecycle.ts';
import { steadfast } from './options.ts';
import { listenOutside, takeOver, throughRail } from './rail.ts';

/** What is said to a transfer that waits. HTTP sends all of it; from the Temporal UI a reason is enough, or nothing. */
type Said = { readonly reason?: string } & Partial<AnswerRequest>;

export const approve = defineUpdate<Answer, [Said?]>('approve');
export const reject = defineUpdate<Answer, [Said?]>('reject');
export const cancel = defineUpdate<Answer, [Said?]>('cancel');
/** The request that made the transfer, sent again while another one's workflow sees the transfer through. */
export const repeat = defineUpdate<Answer, [TransferRequest]>('repeat');
/** The answer to the command that the workflow was started for, and the transfer as it ended if it had to wait. */
export type Ended = Answer & { readonly ended?: TransferResource };

/** Moves money, or records why it does not; or answers a transfer that waits and sees it through. */
export async function transfer(
  request: TransferRequest | AnswerRequest | ResolveRequest | RailAnsweredRequest,
  options?: CarryOutOptions,
): Promise<Ended> {
  const { id } = request;
  const course = new Course('transfer', () => steadfast.currentTransfer(id));
  const waits = () => course.resource !== undefined && isWaiting(course.resource.status);
  const take = (update: UpdateDefinition<Answer, [Said?]>, type: AnswerRequest['type']) => {
    const handler = async (said?: Said) => {
      await course.first();
      return course.step({ ...course.metaOfUpdate(said), ...reasonOf(said), type, id });
    };
    setHandler(update, handler, { validator: (said?: Said) => requireOpen(course, said) });
  };
  take(approve, 'transfer.approve');
  take(reject, 'transfer.reject');
  take(cancel, 'transfer.cancel');
  const onRepeat = async (asked: TransferRequest) => {
    await course.first();
    return course.step(asked);
  };
  setHandler(repeat, onRepeat, {
    validator: (asked?: TransferRequest) => requireWholeCommand(asked?.id === id && makesTransfer(asked)),
  });
  listenOutside(course, id);

  try {
    if (request.type === 'transfer.resolve') await takeOver(course, id);
    const answer = await course.begin(request, options);
    while (waits()) await goOn(course, id);
    await condition(allHandlersFinished);
    const { transfer: begun } = answer;
    return begun && isWaiting(begun.status)
      ? { ...answer, ended: course.resource as TransferResource }
      : answer;
  } catch (error) {
    if (waits()) await CancellationScope.nonCancellable(() => letGo(course, { id, error }));
    throw error;
  }
}

/** Waits for what the transfer waits for, and takes the step that is due then. */
async function goOn(course: Course<'transfer'>, id: string): Promise<void> {
  const { status: now, approval_expires_at, scheduled_for, rail } = course.resource as TransferResource;
  if (now === 'awaiting_approval' && approval_expires_at !== undefined) {
    if (await course.reaches(approval_expires_at)) {
      await course.step({ ...course.meta(), type: 'transfer.expire', id });
    }
    return;
  }
  if (now === 'scheduled' && scheduled_for !== undefined) {
    if (await course.reaches(scheduled_for)) {
      await course.step({ ...course.meta(), type: 'transfer.complete', id });
    }
    return;
  }
  if (now === 'pending' && rail !== undefined) {
    await throughRail(course, id);
    return;
  }
  throw ApplicationFailure.nonRetryable(`Transfer ${id} waits for something unknown`, 'internal_error');
}

/**
 * The compensation: a workflow that was cancelled, or cannot go on, leaves no money held, unless a rail may have it: that
 * is for an operator to find out.
 */
async function letGo(
  course: Course<'transfer'>,
  { id, error }: { id: string; error: unknown },
): Promise<void> {
  if (course.status === 'pending') {
    const reason = isCancellation(error)
      ? 'The workflow of the transfer was cancelled.'
      : 'The workflow of the transfer failed.';
    await course.step({ ...course.meta(), type: 'transfer.park', id, reason });
    return;
  }
  const cancelled: Unstamped = {
    ...course.meta(),
    type: 'transfer.cancel',
    id,
    reason: 'The workflow of the transfer was cancelled.',
  };
  const failed: Unstamped = {
    ...course.meta(),
    type: 'transfer.fail',
    id,
    code: 'workflow_failed',
    detail: error instanceof Error ? error.message : 'The workflow of the transfer failed.',
  };
  await course.step(isCancellation(error) ? cancelled : failed);
}

/** A command with a key may be a repetition, whose answer the log has; everything else must come in time. */
function requireOpen(course: Course<'transfer'>, said: Said | undefined): void {
  const { reason, idempotency_key } = said ?? {};
  if (reason !== undefined && !isReason(reason)) {
    const message = 'A reason is text of 1 to 500 characters, without control characters';
    throw ApplicationFailure.nonRetryable(message, 'invalid_request');
  }
  const open =
    course.resource === undefined || course.status === 'awaiting_approval' || course.status === 'scheduled';
  if (!open && idempotency_key === undefined) {
    throw ApplicationFailure.nonRetryable(
      `The transfer is ${course.status}: this step is not possible.`,
      'transfer_not_pending',
    );
  }
}

/** What HTTP takes as a reason; from the Temporal UI anything may come. */
function isReason(reason: unknown): boolean {
  if (typeof reason !== 'string' || reason.length === 0 || reason.length > 500) return false;
  return reason.isWellFormed() && !/\p{Cc}/u.test(reason);
}

function reasonOf(said: Said | undefined): { reason?: string } {
  return said?.reason === undefined ? {} : { reason: said.reason };
}
