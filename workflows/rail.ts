/**
 * A transfer that goes out through a payment rail. The money is held; the rail is given the payment, and says what
 * became of it: in its response, in a callback (the update `railReported`), or when it is asked again. Nothing is
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
import { defined } from '../domain/optional-fields.ts';
import { isWaiting } from '../domain/transfer.ts';
import type { CommandResult, RailReportRequest, ResolveRequest, Unstamped } from '../messages/commands.ts';
import type { Lifecycle } from './lifecycle.ts';
import { retryForever } from './options.ts';

/** HTTP sends all of it; from the Temporal UI the outcome is enough. */
type Resolution = Pick<ResolveRequest, 'outcome' | 'reason'> & Partial<ResolveRequest>;

export const resolve = defineUpdate<CommandResult, [Resolution]>('resolve');
/** Only for what the API has verified: whoever sends it decides over money. */
export const railReported = defineUpdate<CommandResult, [RailReportRequest]>('railReported');

type Transfer = Lifecycle<'transfer'>;

/** Takes what rails and operators say, whenever they say it. What has ended does not change any more: the log sees to it. */
export function handleRailUpdates(lifecycle: Transfer, id: string): void {
  const onReport = async ({ rail, state, reason, ...meta }: RailReportRequest) => {
    await lifecycle.first();
    return lifecycle.step({
      ...lifecycle.metaOfUpdate(meta),
      type: 'transfer.railReported',
      id,
      rail,
      state,
      ...defined({ reason }),
    });
  };
  setHandler(railReported, onReport, { validator: requireRail });
  const onResolve = async ({ outcome, reason, ...meta }: Resolution) => {
    await lifecycle.first();
    return lifecycle.step({
      ...lifecycle.metaOfUpdate(meta),
      type: 'transfer.resolve',
      id,
      outcome,
      ...defined({ reason }),
    });
  };
  setHandler(resolve, onResolve, { validator: requireOutcome });
}

/** Sees a transfer through that its rail has, or is to have. */
export async function payThroughRail(lifecycle: Transfer, id: string): Promise<void> {
  const { rail, source, amount, currency, reference, metadata } = lifecycle.resource as TransferResource;
  const payment = { id, rail, account: source, amount, currency, metadata } as RailPayment;
  const step = await awaitOutcome(lifecycle, reference === null ? payment : { ...payment, reference });
  if (step) await lifecycle.step(step);
  // Parked, unless it has ended.
  await condition(() => !isWaiting(lifecycle.status as TransferResource['status']));
}

/** Has the rail pay, and waits until it says what became of it. Undefined if something else has happened by then. */
async function awaitOutcome(lifecycle: Transfer, payment: RailPayment): Promise<Unstamped | undefined> {
  const seen = lifecycle.resource;
  const pace = await retryForever.railPace();
  const paying = new CancellationScope();
  try {
    return await paying.run(() =>
      Promise.race([
        pay(lifecycle, payment, pace),
        condition(() => lifecycle.resource !== seen).then((): undefined => undefined),
      ]),
    );
  } finally {
    // A rail that has called back need not be asked any more.
    paying.cancel();
  }
}

async function pay(lifecycle: Transfer, payment: RailPayment, pace: RailPace): Promise<Unstamped> {
  const { id, rail } = payment;
  const { pay: payAtRail } = proxyActivities<RailActivities>({
    taskQueue: pace.task_queue,
    startToCloseTimeout: pace.attempt_ms,
    scheduleToCloseTimeout: pace.patience_ms,
    retry: { initialInterval: pace.poll_ms, backoffCoefficient: 1.5, maximumInterval: pace.poll_max_ms },
  });
  try {
    const verdict = await payAtRail(payment);
    return { ...lifecycle.meta(), type: 'transfer.railReported', id, rail, ...verdict };
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    const last = rootCause(error) ?? error.message;
    const reason = `The rail ${rail} did not report an outcome. Last attempt: ${last}`;
    return { ...lifecycle.meta(), type: 'transfer.park', id, reason };
  }
}

/** Whoever resolves a transfer that no workflow sees through any more, takes it over from the rail. */
export async function takeOver(lifecycle: Transfer, id: string): Promise<void> {
  await lifecycle.step({
    ...lifecycle.meta(),
    type: 'transfer.park',
    id,
    reason: 'No workflow was running for the transfer any more.',
  });
}

function requireRail(report: RailReportRequest | undefined): void {
  if (typeof report?.rail === 'string' && report.type === 'transfer.railReported') return;
  throw ApplicationFailure.nonRetryable(
    'Callbacks come over HTTP, where they are verified',
    'invalid_request',
  );
}

function requireOutcome(resolution: Resolution | undefined): void {
  if (resolution?.outcome === 'completed' || resolution?.outcome === 'failed') return;
  throw ApplicationFailure.nonRetryable('The outcome is "completed" or "failed"', 'invalid_request');
}
