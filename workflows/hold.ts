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
import type { CommandResult, CarryOutOptions, HoldRequest } from '../messages/commands.ts';
import { Lifecycle, requireFullCommand } from './lifecycle.ts';
import { retryForever } from './options.ts';

type Step<Type extends HoldRequest['type']> = Extract<HoldRequest, { type: Type }>;

export const capture = defineUpdate<CommandResult, [Step<'hold.capture'>]>('capture');
export const voidHold = defineUpdate<CommandResult, [Step<'hold.void'>]>('void');
export const extend = defineUpdate<CommandResult, [Step<'hold.extend'>]>('extend');
/** The request that placed the hold, sent again while another one's workflow sees the hold through. */
export const repeat = defineUpdate<CommandResult, [Step<'hold.place'>]>('repeat');
/** The result of the command that the workflow was started for, and the hold as it ended if it had to wait. */
export type EndedHold = CommandResult & { readonly ended?: HoldResource };

/** Places a hold, or does something to one that is there, and sees it through while it can expire. */
export async function hold(request: HoldRequest, options?: CarryOutOptions): Promise<EndedHold> {
  const { id } = request;
  const lifecycle = new Lifecycle('hold', () => retryForever.currentHold(id));
  const handle = <Command extends HoldRequest>(
    update: UpdateDefinition<CommandResult, [Command]>,
    type: Command['type'],
  ) => {
    const handler = async (command: Command) => {
      await lifecycle.first();
      return lifecycle.step(command);
    };
    const validator = (command?: Command) => {
      requireFullCommand(command?.id === id && command.type === type);
      requireActive(lifecycle, command);
    };
    setHandler(update, handler, { validator });
  };
  handle(capture, 'hold.capture');
  handle(voidHold, 'hold.void');
  handle(extend, 'hold.extend');
  handle(repeat, 'hold.place');

  const result = await lifecycle.begin(request, options);
  const waits = () => lifecycle.status === 'active' && lifecycle.resource?.expires_at !== undefined;
  const waited = waits();
  try {
    while (waits()) await expire(lifecycle);
  } catch (error) {
    // Whoever cancels the workflow in the Temporal UI wants the money free again, not held for ever.
    if (isCancellation(error) && waits())
      await CancellationScope.nonCancellable(() => compensate(lifecycle, id));
    throw error;
  }
  await condition(allHandlersFinished);
  return waited ? { ...result, ended: lifecycle.resource as HoldResource } : result;
}

async function compensate(lifecycle: Lifecycle<'hold'>, id: string): Promise<void> {
  await lifecycle.step({
    ...lifecycle.meta(),
    type: 'hold.void',
    id,
    reason: 'The workflow of the hold was cancelled.',
  });
}

/** Waits until the hold expires, or something else has happened to it. */
async function expire(lifecycle: Lifecycle<'hold'>): Promise<void> {
  const { id, expires_at = '' } = lifecycle.resource as HoldResource;
  if (await lifecycle.reaches(expires_at)) {
    await lifecycle.step({ ...lifecycle.meta(), type: 'hold.expire', id, expires_at });
  }
}

/** A command with a key may be a repeat, whose result the log has; everything else must come in time. */
function requireActive(lifecycle: Lifecycle<'hold'>, command: HoldRequest | undefined): void {
  if (lifecycle.resource && lifecycle.status !== 'active' && command?.idempotency_key === undefined) {
    throw ApplicationFailure.nonRetryable(`The hold is ${lifecycle.status}.`, 'hold_not_active');
  }
}
