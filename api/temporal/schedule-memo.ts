/** How a schedule that Temporal keeps reads as a resource. */
import type { ScheduleBody, ScheduleResource } from '../../contracts/schedules.ts';
import { scheduleWorkflowId } from '../../messages/firings.ts';

/** What is kept of what was asked for, as Temporal's memo of the schedule. */
export type ScheduleMemo = {
  /** Of the request that made it. */
  readonly fingerprint: string;
  readonly created_at: string;
  readonly body: ScheduleBody;
};

/** The name of the memo's field. */
export const MEMO = 'tallybook';

/** Temporal wants a note on every pause; these stand for none. */
export const NO_REASON = { paused: 'Paused over HTTP.', resumed: 'Resumed over HTTP.' } as const;

/** How it is now. */
export type ScheduleState = {
  readonly paused: boolean;
  readonly note?: string;
  readonly next: readonly Date[];
};

/** The resource. */
export function scheduleFrom(
  id: string,
  { body, created_at }: ScheduleMemo,
  state: ScheduleState,
): ScheduleResource {
  const { paused, note = '', next } = state;
  const { transfer, cron, every_seconds, time_zone, starts_at, ends_at } = body;
  const reason = Object.values<string>(NO_REASON).includes(note) ? '' : note;
  return {
    id,
    status: next.length === 0 ? 'ended' : paused ? 'paused' : 'active',
    transfer,
    ...(cron === undefined ? { every_seconds } : { cron }),
    time_zone,
    ...(starts_at === undefined ? {} : { starts_at }),
    ...(ends_at === undefined ? {} : { ends_at }),
    ...(reason === '' ? {} : { reason }),
    // Temporal goes on telling when it would.
    next_firings: paused ? [] : next.map((time) => time.toISOString()),
    created_at,
    workflow_id: scheduleWorkflowId(id),
  };
}
