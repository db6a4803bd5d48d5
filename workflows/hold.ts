/**
 * A hold: placed, and, if it expires, seen through until it has ended. Its id is `hold/<id>`.
 * Capture, void and expiry may come at the same time: the log takes the first, and the others change nothing.
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
import type { HoldResource } from '../contracts/http.ts';
import type { Answer, CarryOutOptions, HoldRequest } from '../messages/commands.ts';
import { Course, requireWholeCommand } from './lifecycle.ts';
import { steadfast } from './options.ts';

type Step<Type extends HoldRequest['type']> = Extract<HoldRequest, { type: Type }>;

export const capture = defineUpdate<Answer, [Step<'hold.capture'>]>('capture');
export const voidHold = defineUpdate<Answer, [Step<'hold.void'>]>('void');
export const extend = defineUpdate<Answer, [Step<'hold.extend'>]>('extend');
/** The request that placed the hold, sent again while another one's workflow sees the hold through. */
export const repeat = defineUpdate<Answer, [Step<'hold.place'>]>('repeat');
/** The answer to the command that the workflow was started for, and the hold as it ended if it had to wait. */
export type EndedHold = Answer & { readonly ended?: HoldResource };

/** Places a hold, or does something to one that is there, and sees it through while it can expire. */
export async function hold(request: HoldRequest, options?: CarryOutOptions): Promise<EndedHold> {
  const { id } = request;
  const course = new Course('hold', () => steadfast.currentHold(id));
  const take = <Asked extends HoldRequest>(
    update: UpdateDefinition<Answer, [Asked]>,
    type: Asked['type'],
  ) => {
    const handler = async (asked: Asked) => {
      await course.first();
      return course.step(asked);
    };
    const validator = (asked?: Asked) => {
      requireWholeCommand(asked?.id === id && asked.type === type);
      requireActive(course, asked);
    };
    setHandler(update, handler, { validator });
  };
  take(capture, 'hold.capture');
  take(voidHold, 'hold.void');
  take(extend, 'hold.extend');
  take(repeat, 'hold.place');

  const answer = await course.begin(request, options);
  const waits = () => course.status === 'active' && course.resource?.expires_at !== undefined;
  const waited = waits();
  try {
    while (waits()) await expire(course);
  } catch (error) {
    // Whoever cancels the workflow in the Temporal UI wants the money free again, not held for ever.
    if (isCancellation(error) && waits()) await CancellationScope.nonCancellable(() => letGo(course, id));
    throw error;
  }
  await condition(allHandlersFinished);
  return waited ? { ...answer, ended: course.resource as HoldResource } : answer;
}

async function letGo(course: Course<'hold'>, id: string): Promise<void> {
  await course.step({
    ...course.meta(),
    type: 'hold.void',
    id,
    reason: 'The workflow of the hold was cancelled.',
  });
}

/** Waits until the hold expires, or something else has happened to it. */
async function expire(course: Course<'hold'>): Promise<void> {
  const { id, expires_at = '' } = course.resource as HoldResource;
  if (await course.reaches(expires_at)) {
    await course.step({ ...course.meta(), type: 'hold.expire', id, expires_at });
  }
}

/** A command with a key may be a repetition, whose answer the log has; everything else must come in time. */
function requireActive(course: Course<'hold'>, asked: HoldRequest | undefined): void {
  if (course.resource && course.status !== 'active' && asked?.idempotency_key === undefined) {
    throw ApplicationFailure.nonRetryable(`The hold is ${course.status}.`, 'hold_not_active');
  }
}
