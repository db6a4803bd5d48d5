/**
 * What workflows do to the world. An activity may run more than once for one command: the log makes sure that it has
 * one effect and one outcome.
 */
import { activityInfo } from '@temporalio/activity';
import type { HoldResource, TransferResource } from '../contracts/http.ts';
import type { Appender } from '../eventlog/append/appender.ts';
import type { EventReader } from '../eventlog/read/event-reader.ts';
import {
  makesTransfer,
  type CommandResult,
  type CommandRequest,
  type Unstamped,
} from '../messages/commands.ts';
import { outcomeKey, type LocalOutcomes } from '../messages/local-outcomes.ts';
import { holdFrom, transferFrom } from '../messages/mapping/resources.ts';
import { resultOrError, type ResultOrError } from './command-result.ts';
import { createBatchActivity, type BatchActivity } from './batch.ts';
import { createBulkActivities, type BulkActivities, type BulkActivityDependencies } from './bulk.ts';
import { asFailure } from './failures.ts';
import type { RailPace } from './rails.ts';

/** The log has the outcome (`result`), or nothing was recorded (`error`). `at`: when that was, RFC 3339. */
export type CarryOutResult = ResultOrError & { readonly at: string };

/** A resource as the log has it now. */
export type Current<Resource> = { readonly resource: Resource; readonly at: string };

export type Activities = BulkActivities &
  BatchActivity & {
    /** Decides a command and appends its events. */
    readonly carryOut: (request: Unstamped) => Promise<CarryOutResult>;
    /** A transfer that has begun, as it is now. */
    readonly currentTransfer: (id: string) => Promise<Current<TransferResource>>;
    /** A hold that was placed, as it is now. */
    readonly currentHold: (id: string) => Promise<Current<HoldResource>>;
    /** How patient to be with a payment rail. */
    readonly railPace: () => Promise<RailPace>;
  };

export type ActivityDependencies = BulkActivityDependencies & {
  readonly appender: Pick<Appender, 'submit'>;
  readonly reader: Pick<EventReader, 'first' | 'last'>;
  readonly clock: () => Date;
  readonly railPace: RailPace;
  /** Given if requests wait in the same process. */
  readonly localOutcomes?: Pick<LocalOutcomes, 'publish'> | undefined;
};

/** Makes the activities. */
export function createActivities(deps: ActivityDependencies): Activities {
  const { appender, reader, clock, localOutcomes, railPace } = deps;
  const now = () => clock().toISOString();
  return {
    ...createBulkActivities(deps),
    ...createBatchActivity(deps),
    async carryOut(unstamped) {
      const { attempt, workflowExecution } = activityInfo();
      const publish = (result: CommandResult | undefined) => {
        if (workflowExecution)
          localOutcomes?.publish({ name: outcomeKey(unstamped), runId: workflowExecution.runId }, result);
      };
      try {
        if (workflowExecution === undefined) throw new Error('A command is carried out by a workflow');
        const { workflowId } = workflowExecution;
        const request = { requested_at: now(), ...unstamped } as CommandRequest;
        const result = await resultOrError(reader, await appender.submit({ request, workflowId }));
        // An error, and a command to what is there already, is over only with its workflow: the id is free again then.
        const final = (makesTransfer(request) || request.type === 'hold.place') && 'result' in result;
        publish(final ? result.result : undefined);
        return { ...result, at: now() };
      } catch (error) {
        // Whether it is tried again the workflow knows: whoever waits here is to ask for its end.
        publish(undefined);
        throw asFailure(error, attempt);
      }
    },
    currentTransfer: (id) => current(reader.last({ aggregate: 'transfer', id }), transferFrom, now),
    currentHold: (id) => current(reader.last({ aggregate: 'hold', id }), holdFrom, now),
    railPace: () => Promise.resolve(railPace),
  };
}

async function current<Last, Resource>(
  reading: Promise<Last | undefined>,
  from: (last: Last) => Resource,
  now: () => string,
): Promise<Current<Resource>> {
  try {
    const last = await reading;
    if (!last) throw new Error('What a workflow sees through has begun');
    return { resource: from(last), at: now() };
  } catch (error) {
    throw asFailure(error, activityInfo().attempt);
  }
}
