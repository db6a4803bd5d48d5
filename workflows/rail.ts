/**
 * A transfer that goes out through a payment rail. The money is held; the rail is given the payment, and says what
 * became of it: in its answer, in a callback (the update `railAnswered`), or when it is asked again. Nothing is
 * guessed: if nobody knows, the transfer is parked until an operator resolves it, or the rail speaks after all.
 */
import { ActivityFailure, ApplicationFailure, rootCause } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  defineUpdate,
  isCancellation,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import type { RailActivities, RailPace } from '../activities/rails.ts';
import type { TransferResource } from '../contracts/http.ts';
import type { RailPayment } from '../contracts/rails.ts';
import { isWaiting } from '../domain/transfer.ts';
import type { Answer, RailAnsweredRequest, ResolveRequest, Unstamped } from '../messages/commands.ts';
import type { Course } from './lifecycle.ts';
import { steadfast } from './options.ts';

/** HTTP sends all of it; from the Temporal UI the outcome is enough. */
type Resolution = Pick<ResolveRequest, 'outcome' | 'reason'> & Partial<ResolveRequest>;

export const resolve = defineUpdate<Answer, [Resolution]>('resolve');
/** Only for what the API has verified: whoever sends it decides over money. */
export const railAnswered = defineUpdate<Answer, [RailAnsweredRequest]>('railAnswered');

type Transfer = Course<'transfer'>;

/** Takes what rails and operators say, whenever they say it. What has ended does not change any more: the log sees to it. */
export function listenOutside(course: Transfer, id: string): void {
  const onAnswer = async ({ rail, state, reason, ...meta }: RailAnsweredRequest) => {
    await course.first();
    const said = reason === undefined ? { state } : { state, reason };
    return course.step({ ...course.metaOfUpdate(meta), type: 'transfer.railAnswered', id, rail, ...said });
  };
  setHandler(railAnswered, onAnswer, { validator: requireRail });
  const onResolve = async ({ outcome, reason, ...meta }: Resolution) => {
    await course.first();
    const said = reason === undefined ? { outcome } : { outcome, reason };
    return course.step({ ...course.metaOfUpdate(meta), type: 'transfer.resolve', id, ...said });
  };
  setHandler(resolve, onResolve, { validator: requireOutcome });
}

/** Sees a transfer through that its rail has, or is to have. */
export async function throughRail(course: Transfer, id: string): Promise<void> {
  const { rail, source, amount, currency, reference, metadata } = course.resource as TransferResource;
  const payment = { id, rail, account: source, amount, currency, metadata } as RailPayment;
  const step = await whatBecameOf(course, reference === null ? payment : { ...payment, reference });
  if (step) await course.step(step);
  // Parked, unless it has ended.
  await condition(() => !isWaiting(course.status as TransferResource['status']));
}

/** Has the rail pay, and waits until it says what became of it. Undefined if something else has happened by then. */
async function whatBecameOf(course: Transfer, payment: RailPayment): Promise<Unstamped | undefined> {
  const seen = course.resource;
  const pace = await steadfast.railPace();
  const asking = new CancellationScope();
  try {
    return await asking.run(() =>
      Promise.race([
        told(course, payment, pace),
        condition(() => course.resource !== seen).then((): undefined => undefined),
      ]),
    );
  } finally {
    // A rail that has called back need not be asked any more.
    asking.cancel();
  }
}

async function told(course: Transfer, payment: RailPayment, pace: RailPace): Promise<Unstamped> {
  const { id, rail } = payment;
  const { pay } = proxyActivities<RailActivities>({
    taskQueue: pace.task_queue,
    startToCloseTimeout: pace.attempt_ms,
    scheduleToCloseTimeout: pace.patience_ms,
    retry: { initialInterval: pace.poll_ms, backoffCoefficient: 1.5, maximumInterval: pace.poll_max_ms },
  });
  try {
    const verdict = await pay(payment);
    return { ...course.meta(), type: 'transfer.railAnswered', id, rail, ...verdict };
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    const last = rootCause(error) ?? error.message;
    const reason = `The rail ${rail} did not report an outcome. Last attempt: ${last}`;
    return { ...course.meta(), type: 'transfer.park', id, reason };
  }
}

/** Whoever resolves a transfer that no workflow sees through any more, takes it over from the rail. */
export async function takeOver(course: Transfer, id: string): Promise<void> {
  await course.step({
    ...course.meta(),
    type: 'transfer.park',
    id,
    reason: 'No workflow was running for the transfer any more.',
  });
}

function requireRail(answer: RailAnsweredRequest | undefined): void {
  if (typeof answer?.rail === 'string' && answer.type === 'transfer.railAnswered') return;
  throw ApplicationFailure.nonRetryable(
    'Callbacks come over HTTP, where they are verified',
    'invalid_request',
  );
}

function requireOutcome(said: Resolution | undefined): void {
  if (said?.outcome === 'completed' || said?.outcome === 'failed') return;
  throw ApplicationFailure.nonRetryable('The outcome is "completed" or "failed"', 'invalid_request');
}
