/**
 * Keeps schedules in Temporal, and nowhere else: each is one of Temporal's, with what was asked for in its memo. One that
 * was deleted stays there as a mark that fires no more, so that its Idempotency-Key cannot make another one.
 */
import {
  isGrpcServiceError,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type ScheduleDescription,
  type ScheduleHandle,
} from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import { msToTs, requiredTsToDate } from '@temporalio/common/lib/time.js';
import type { Firing, ScheduleBody, ScheduleResource } from '../../contracts/schedules.ts';
import { firingTransferId } from '../../domain/schedule.ts';
import { scheduleWorkflowId } from '../../messages/firings.ts';
import type { Page, PageRequest } from '../../projector/queries/read-store.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/attributes.ts';
import type { FoundSchedule, NewSchedule, Schedules, StartedFiring } from '../commands/schedules.ts';
import { invalidRequest, ProblemError } from '../http/problem.ts';
import { outcomeOfFailure } from './failures.ts';
import { scheduleCursor, decodeScheduleCursor } from './schedule-cursor.ts';
import { MEMO, NO_REASON, scheduleFrom, type ScheduleMemo } from './schedule-memo.ts';
import { actionOf, labelsOf, POLICIES, specMistake, specOf } from './schedule-spec.ts';

/** How long a request may wait; HTTP answers within 10 s. */
const PATIENCE_MS = 8_500;

/** As far ahead as the first firings are looked for. */
const HORIZON_MS = 10 * 366 * 86_400_000;
const NEXT_MAX = 10;

/** A code of gRPC. */
const NOT_FOUND = 5;

/** A schedule like no other: it has no firings left, and no other is limited to some. */
export const DELETED = {
  paused: true,
  note: 'Deleted over HTTP. Kept for its Idempotency-Key.',
  remainingActions: 0,
};
const LISTED = `${SEARCH_ATTRIBUTES.kind.name} = 'schedule' AND ${SEARCH_ATTRIBUTES.status.name} IS NULL`;

/** Schedules as Temporal's. */
export function createSchedules(client: Client): Schedules {
  const schedules = new TemporalSchedules(client);
  const within = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    try {
      return await client.withDeadline(Date.now() + PATIENCE_MS, call);
    } catch (error) {
      const outcome = error instanceof ProblemError ? undefined : outcomeOfFailure(error);
      throw outcome?.type === 'unavailable' ? new ProblemError(outcome.code, { ...outcome }) : error;
    }
  };
  return {
    create: (schedule) => within(() => schedules.create(schedule)),
    find: (id) => within(() => schedules.find(id)),
    list: (page) => within(() => schedules.list(page)),
    pause: (id, reason = NO_REASON.paused) =>
      within(() => schedules.change(id, { paused: true, note: reason })),
    resume: (id, reason = NO_REASON.resumed) =>
      within(() => schedules.change(id, { paused: false, note: reason })),
    remove: (id) => within(() => schedules.remove(id)),
    outcome: (firing) => within(() => schedules.outcome(firing)),
  };
}

type Described = {
  readonly memo: ScheduleMemo;
  readonly deleted: boolean;
  readonly description: ScheduleDescription;
};

class TemporalSchedules {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async create(
    schedule: NewSchedule,
  ): Promise<{ schedule: ScheduleResource; replayed: boolean } | undefined> {
    const { id, body, meta } = schedule;
    // What has ended already can only have been made before.
    const late = body.ends_at !== undefined && body.ends_at <= meta.requested_at;
    const made = !late && (await this.#make(schedule));
    const memo = (await this.#describe(id))?.memo;
    if (!memo && late) throw invalidRequest({ path: 'ends_at', message: 'must be in the future' });
    if (memo && memo.fingerprint !== meta.fingerprint) return undefined;
    const next = memo && (await this.#firstTimes(id, memo));
    // It was there a moment ago: whoever made it has found that it never fires.
    if (!next) return await this.create(schedule);
    if (next.length === 0) {
      if (made) await this.#handle(id).delete();
      const path = body.ends_at === undefined ? 'cron' : 'ends_at';
      throw invalidRequest({ path, message: 'leaves no time to fire' });
    }
    // As it was when it was made, whatever has become of it: the same request has the same result.
    return { schedule: scheduleFrom(id, memo, { paused: false, next }), replayed: !made };
  }

  async find(id: string): Promise<FoundSchedule | undefined> {
    const found = await this.#describe(id);
    if (!found || found.deleted) return undefined;
    const { memo, description } = found;
    const { numActionsMissedCatchupWindow: missed, recentActions } = description.info;
    const dropped = description.raw.info?.bufferDropped?.toNumber() ?? 0;
    return {
      schedule: { ...resourceOf(id, memo, description), missed_firings: missed + dropped },
      started: recentActions.map(({ scheduledAt, takenAt, action }) => {
        const due = scheduledAt.toISOString();
        return {
          transfer: firingTransferId(id, due),
          scheduled_at: due,
          fired_at: takenAt.toISOString(),
          workflow_id: action.workflow.workflowId,
        };
      }),
    };
  }

  async list({ limit, cursor }: PageRequest): Promise<Page<ScheduleResource>> {
    const { schedules, nextPageToken } = await this.#client.workflowService.listSchedules({
      namespace: this.#client.options.namespace,
      maximumPageSize: limit,
      query: LISTED,
      ...withToken(decodeScheduleCursor(cursor)),
    });
    const data = schedules.flatMap(({ scheduleId, memo, info }) => {
      const payload = memo?.fields?.[MEMO];
      if (!payload) return [];
      const scheduleMemo = defaultPayloadConverter.fromPayload<ScheduleMemo>(payload);
      const next = info?.futureActionTimes?.map((time) => requiredTsToDate(time, 'futureActionTimes')) ?? [];
      const state = { paused: info?.paused === true, note: info?.notes ?? '', next };
      return [scheduleFrom(scheduleId?.slice(scheduleWorkflowId('').length) ?? '', scheduleMemo, state)];
    });
    return { data, next_cursor: scheduleCursor(nextPageToken) };
  }

  /** Pauses or resumes one that is there, and gives it as that has left it, whatever others do to it meanwhile. */
  async change(
    id: string,
    { paused, note }: { paused: boolean; note: string },
  ): Promise<ScheduleResource | undefined> {
    if ((await this.find(id)) === undefined) return undefined;
    const handle = this.#handle(id);
    await (paused ? handle.pause(note) : handle.unpause(note));
    const changed = await this.#describe(id);
    // It was deleted at the same moment. Temporal forgets what has no firings left, unless it is paused.
    if (changed?.deleted) await handle.pause(DELETED.note);
    if (!changed || changed.deleted) return undefined;
    return scheduleFrom(id, changed.memo, { paused, note, next: changed.description.info.nextActionTimes });
  }

  async remove(id: string): Promise<boolean> {
    const found = await this.#describe(id);
    if (!found || found.deleted) return false;
    await this.#handle(id).update((before) => ({
      ...before,
      state: DELETED,
      typedSearchAttributes: deletedLabels(found.memo.body),
    }));
    // Temporal answers an update when it is written down, a description when all that is written down is done.
    await this.#describe(id);
    return true;
  }

  async outcome({ workflow_id }: StartedFiring): Promise<Pick<Firing, 'status' | 'reason'>> {
    const handle = this.#client.workflow.getHandle(workflow_id);
    try {
      const { status, typedSearchAttributes } = await handle.describe();
      if (status.name === 'RUNNING') return { status: 'pending' };
      const recorded = typedSearchAttributes.get(SEARCH_ATTRIBUTES.status);
      if (status.name === 'COMPLETED') return { status: recorded === 'rejected' ? 'rejected' : 'posted' };
      await handle.result();
      return { status: 'failed' };
    } catch (error) {
      // After its retention Temporal has forgotten a workflow.
      if (error instanceof WorkflowNotFoundError) return {};
      if (!(error instanceof WorkflowFailedError)) throw error;
      const code = error.cause instanceof ApplicationFailure ? error.cause.type : undefined;
      return { status: 'failed', ...(code ? { reason: code } : {}) };
    }
  }

  /** False if it is there already. */
  async #make({ id, body, meta }: NewSchedule): Promise<boolean> {
    const { fingerprint, requested_at: created_at } = meta;
    try {
      await this.#client.schedule.create({
        scheduleId: scheduleWorkflowId(id),
        spec: specOf(body, created_at),
        action: actionOf({ id, body, meta }),
        policies: POLICIES,
        memo: { [MEMO]: { fingerprint, created_at, body } satisfies ScheduleMemo },
        typedSearchAttributes: labelsOf(body),
      });
      return true;
    } catch (error) {
      if (error instanceof ScheduleAlreadyRunning) return false;
      const mistake = specMistake(error);
      throw mistake === undefined ? error : invalidRequest(mistake);
    }
  }

  /** Undefined if there is none, or one that was not made here. */
  async #describe(id: string): Promise<Described | undefined> {
    try {
      const description = await this.#handle(id).describe();
      const memo = description.memo?.[MEMO] as ScheduleMemo | undefined;
      const deleted = description.state.remainingActions === DELETED.remainingActions;
      return memo && { memo, deleted, description };
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return undefined;
      throw error;
    }
  }

  /** The first times after it was made: the same ones, whenever they are asked for. Undefined if it is gone. */
  async #firstTimes(id: string, { created_at, body }: ScheduleMemo): Promise<Date[] | undefined> {
    // What starts at a time may fire at that time, and Temporal tells what comes after one.
    const from = Math.max(Date.parse(created_at), Date.parse(body.starts_at ?? created_at) - 1_000);
    try {
      const { startTime } = await this.#client.workflowService.listScheduleMatchingTimes({
        namespace: this.#client.options.namespace,
        scheduleId: scheduleWorkflowId(id),
        startTime: msToTs(from),
        endTime: msToTs(from + HORIZON_MS),
      });
      return startTime.slice(0, NEXT_MAX).map((time) => requiredTsToDate(time, 'startTime'));
    } catch (error) {
      if (isGrpcServiceError(error) && (error.code as number) === NOT_FOUND) return undefined;
      throw error;
    }
  }

  #handle(id: string): ScheduleHandle {
    return this.#client.schedule.getHandle(scheduleWorkflowId(id));
  }
}

/** What the mark of a deleted one is found by. */
export function deletedLabels(body: ScheduleBody) {
  return [...labelsOf(body), { key: SEARCH_ATTRIBUTES.status, value: 'deleted' }];
}

function resourceOf(id: string, memo: ScheduleMemo, { state, info }: ScheduleDescription): ScheduleResource {
  return scheduleFrom(id, memo, { ...state, next: info.nextActionTimes });
}

function withToken(nextPageToken: Uint8Array | undefined): { nextPageToken?: Uint8Array } {
  return nextPageToken ? { nextPageToken } : {};
}
