/**
 * What the command line needs of Temporal: to start again the workflows of what waits, and to copy schedules. A workflow
 * is only who sees to it that a step comes when it is due; the log knows what has begun and how far it is (ADR 11).
 */
import {
  Client,
  Connection,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  type ScheduleDescription,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { BulkRequest } from '../../messages/bulk-jobs.ts';
import type { CommandRequest } from '../../messages/commands.ts';
import { scheduleWorkflowId, type FiringRequest } from '../../messages/firings.ts';
import { TASK_QUEUE, workflowIdOf, workflowTypeOf } from '../../messages/workflow-ids.ts';
import { bulkStart } from './bulks.ts';
import { searchAttributes, summary } from './labels.ts';
import { MEMO, type ScheduleMemo } from './schedule-memo.ts';
import { actionOf, labelsOf, POLICIES, specOf } from './schedule-spec.ts';
import { DELETED, deletedLabels } from './schedules.ts';

/** A schedule with all that Temporal alone knows of it, so that it can be made again. */
export type ScheduleCopy = {
  readonly id: string;
  readonly memo: ScheduleMemo;
  readonly actor: string;
  readonly paused: boolean;
  readonly note: string;
  readonly deleted: boolean;
};

export type TemporalRecovery = {
  /** Starts the workflow of something that waits; false if one sees to it. */
  readonly resume: (request: CommandRequest) => Promise<boolean>;
  readonly resumeBulk: (request: BulkRequest) => Promise<boolean>;
  readonly schedules: () => AsyncIterable<ScheduleCopy>;
  /** Makes a schedule as it was; false if it is there. */
  readonly putSchedule: (copy: ScheduleCopy) => Promise<boolean>;
  readonly close: () => Promise<void>;
};

const CONNECT_TIMEOUT_MS = 2_000;
const PATIENCE_MS = 10_000;
const PAGE = 100;

/** @throws Error that names the server if it does not answer */
export async function connectRecovery(address: string, namespace: string): Promise<TemporalRecovery> {
  const connection = await Connection.connect({ address, connectTimeout: CONNECT_TIMEOUT_MS }).catch(
    (error: unknown) => {
      throw new Error(`Temporal at ${address} does not answer: ${String(error)}`, { cause: error });
    },
  );
  const client = new Client({ connection, namespace });
  const within = <Result>(call: () => Promise<Result>) => client.withDeadline(Date.now() + PATIENCE_MS, call);
  return {
    resume: (request) =>
      start(client, workflowTypeOf(request), {
        workflowId: workflowIdOf(request),
        args: [request],
        staticSummary: summary(request),
        typedSearchAttributes: searchAttributes(request),
      }),
    resumeBulk: (request) =>
      start(client, 'bulk', {
        ...bulkStart(request),
        staticSummary: `bulk of ${request.chunks} chunks, resumed`,
      }),
    schedules: () => copies(client),
    putSchedule: (copy) => within(() => put(client, copy)),
    close: () => connection.close(),
  };
}

async function start(
  client: Client,
  type: string,
  options: Pick<WorkflowStartOptions, 'workflowId' | 'args' | 'staticSummary' | 'typedSearchAttributes'>,
): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + PATIENCE_MS, () =>
      client.workflow.start(type, {
        ...options,
        args: options.args as unknown[],
        taskQueue: TASK_QUEUE,
        // The log says that it waits, whatever became of the workflows before.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

/** Every schedule of the ledger, the marks of deleted ones too. */
async function* copies(client: Client): AsyncGenerator<ScheduleCopy> {
  const { namespace } = client.options;
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await client.workflowService.listSchedules({
      namespace,
      maximumPageSize: PAGE,
      ...(nextPageToken ? { nextPageToken } : {}),
    });
    for (const { scheduleId, memo } of page.schedules) {
      const payload = memo?.fields?.[MEMO];
      if (!scheduleId || !payload) continue;
      const description = await described(client, scheduleId);
      if (!description) continue;
      const { state, action } = description;
      const [request] = action.args as FiringRequest[];
      yield {
        id: scheduleId.slice(scheduleWorkflowId('').length),
        memo: defaultPayloadConverter.fromPayload<ScheduleMemo>(payload),
        actor: request?.actor ?? '',
        paused: state.paused,
        note: state.note ?? '',
        deleted: state.remainingActions === DELETED.remainingActions,
      };
    }
    nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
  } while (nextPageToken);
}

/** Undefined if it has gone since it was listed. */
async function described(client: Client, id: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

/** It fires from now on: what came due while it was not there is not made up for. */
async function put(
  client: Client,
  { id, memo, actor, paused, note, deleted }: ScheduleCopy,
): Promise<boolean> {
  const { fingerprint, created_at, body } = memo;
  const meta = { command_id: id, requested_at: created_at, actor, fingerprint };
  try {
    await client.schedule.create({
      scheduleId: scheduleWorkflowId(id),
      spec: specOf(body, created_at),
      action: actionOf({ id, body, meta }),
      policies: POLICIES,
      state: deleted ? DELETED : { paused, note },
      memo: { [MEMO]: memo },
      typedSearchAttributes: deleted ? deletedLabels(body) : labelsOf(body),
    });
    return true;
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return false;
    throw error;
  }
}
