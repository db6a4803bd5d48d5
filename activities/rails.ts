/**
 * What workflows say to payment rails. These are regular activities on a task queue of their own: they wait for the
 * world outside, and may be tried again for a day. The same payment is handed over under the same key, so however
 * often that is, it is one payment.
 */
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { RailPayment, PaymentOutcome } from '../contracts/rails.ts';
import { RAIL_TASK_QUEUE } from '../messages/workflow-ids.ts';
import type { PaymentStatus, Rail } from '../rails/rail.ts';

/** How patient a workflow is with a rail. It is written into the workflow's history, so a change harms none that runs. */
export type RailPace = {
  readonly task_queue: string;
  /** One attempt. */
  readonly attempt_ms: number;
  /** From one attempt to the next; each time half as long again, up to the longest. */
  readonly poll_ms: number;
  readonly poll_max_ms: number;
  /** All attempts together: then an operator is asked. */
  readonly patience_ms: number;
};

export type RailSettings = {
  /** How long a rail may take to answer. */
  readonly timeoutMs: number;
  readonly pollMs: number;
  readonly patienceMs: number;
};

export const RAIL_DEFAULTS: RailSettings = { timeoutMs: 10_000, pollMs: 5_000, patienceMs: 24 * 3_600_000 };

/** The longest wait between two questions, in first ones: five minutes if the first is five seconds. */
const POLL_GROWTH_MAX = 60;
/** What an attempt takes besides waiting for the rail. */
const ATTEMPT_OVERHEAD_MS = 5_000;

/** What the workflow is told before it begins. */
export function paceOf({ timeoutMs, pollMs, patienceMs }: RailSettings): RailPace {
  return {
    task_queue: RAIL_TASK_QUEUE,
    attempt_ms: timeoutMs + ATTEMPT_OVERHEAD_MS,
    poll_ms: pollMs,
    poll_max_ms: pollMs * POLL_GROWTH_MAX,
    patience_ms: patienceMs,
  };
}

export type RailActivities = {
  /** Hands a payment over, or asks what became of it. It ends when the rail has said so; until then it fails. */
  readonly pay: (payment: RailPayment) => Promise<PaymentOutcome>;
};

export type RailDependencies = {
  readonly rails: ReadonlyMap<string, Rail>;
  readonly timeoutMs: number;
};

/** Makes the activities. */
export function createRailActivities({ rails, timeoutMs }: RailDependencies): RailActivities {
  return {
    async pay(payment) {
      const rail = rails.get(payment.rail);
      if (!rail) throw notYet(`this worker knows no rail ${payment.rail}`);
      const signal = AbortSignal.any([cancellationSignal(), AbortSignal.timeout(timeoutMs)]);
      const first = activityInfo().attempt === 1;
      return outcomeOf(
        first ? await rail.submit(payment, signal) : await retryPayment(rail, payment, signal),
      );
    },
  };
}

/** Nobody knows how far the attempt before came, so first the rail is asked. */
async function retryPayment(rail: Rail, payment: RailPayment, signal: AbortSignal): Promise<PaymentStatus> {
  const status = await rail.status(payment.id, signal);
  return status.state === 'missing' ? rail.submit(payment, signal) : status;
}

function outcomeOf(status: PaymentStatus): PaymentOutcome {
  switch (status.state) {
    case 'settled':
    case 'declined':
    case 'unknown': {
      const { state, reason } = status;
      return { state, ...(reason === undefined ? {} : { reason }) };
    }
    case 'accepted':
      throw notYet('it has accepted the payment, and not settled it');
    case 'missing':
      throw notYet('it knows of no such payment');
    case 'uncertain':
      throw notYet(status.why);
  }
}

/** The reason to ask again later. It is a day's work and no warning. */
function notYet(message: string): ApplicationFailure {
  const category = ApplicationFailureCategory.BENIGN;
  return ApplicationFailure.create({ message, type: 'not_yet', category });
}
