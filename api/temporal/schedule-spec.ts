/** What Temporal is told of a schedule: when it fires, what it starts then, and by what rules. */
import { ScheduleOverlapPolicy, type ScheduleSpec } from '@temporalio/client';
import type { ScheduleBody } from '../../contracts/schedules.ts';
import type { MovementRequest } from '../../messages/commands.ts';
import { scheduleWorkflowId, type FiringRequest } from '../../messages/firings.ts';
import { TASK_QUEUE } from '../../messages/workflow-ids.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/attributes.ts';
import type { NewSchedule } from '../commands/schedules.ts';
import type { FieldError } from '../http/problem.ts';
import { searchAttributes, summary } from './labels.ts';

/**
 * Firings do not wait for each other: a payment is not left out because the one before it is slow. What comes due while
 * Temporal is away is made up for when it is back, but only within a day, lest months of payments go out at once.
 */
export const POLICIES = {
  overlap: ScheduleOverlapPolicy.ALLOW_ALL,
  catchupWindow: '1 day',
  pauseOnFailure: false,
} as const;

/** When it fires. */
export function specOf(body: ScheduleBody, created_at: string): ScheduleSpec {
  const { cron, every_seconds: every, time_zone: timezone, starts_at, ends_at } = body;
  const startAt = starts_at === undefined ? {} : { startAt: new Date(starts_at) };
  const endAt = ends_at === undefined ? {} : { endAt: new Date(ends_at) };
  if (cron !== undefined) return { cronExpressions: [cron], timezone, ...startAt, ...endAt };
  const created = Math.floor(Date.parse(created_at) / 1_000);
  const first = starts_at === undefined ? created : Math.ceil(Date.parse(starts_at) / 1_000);
  return {
    intervals: [{ every: Number(every) * 1_000, offset: (first % Number(every)) * 1_000 }],
    timezone,
    // The second in which it was made is none of its times.
    startAt: new Date((created + 1) * 1_000),
    ...startAt,
    ...endAt,
  };
}

/** What it starts. */
export function actionOf({ id, body: { transfer }, meta }: NewSchedule) {
  const { actor, fingerprint } = meta;
  const request: FiringRequest = { schedule: id, transfer, actor, fingerprint };
  const movement = { ...meta, id, type: 'transfer', kind: 'transfer', ...transfer } as MovementRequest;
  return {
    type: 'startWorkflow' as const,
    workflowType: 'firing',
    // Temporal puts the time behind it.
    workflowId: scheduleWorkflowId(id),
    taskQueue: TASK_QUEUE,
    args: [request],
    staticSummary: summary(movement),
    typedSearchAttributes: searchAttributes(movement),
  };
}

/** What it is found by, itself. */
export function labelsOf({ transfer }: ScheduleBody) {
  const { accounts, kind, currency } = SEARCH_ATTRIBUTES;
  return [
    { key: kind, value: 'schedule' },
    { key: accounts, value: [transfer.source, transfer.destination] },
    { key: currency, value: transfer.currency },
  ];
}

/** With `Connection` the SDK has cut the beginning off, with `NativeConnection` it has not. */
const SPEC = /invalid schedule spec: (.*)/i;
const ZONE = /^(unknown time zone|time: )/;
const CRON = /^(Second|Minute|Hour|DayOf|Month|Year|CronString)/;

/** What Temporal says is wrong with the times; undefined if something else is wrong. */
export function specMistake(error: unknown): FieldError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const message = SPEC.exec(cause.message)?.[1] ?? (cause instanceof TypeError ? cause.message : '');
    if (ZONE.test(message)) return { path: 'time_zone', message: 'must be the name of an IANA time zone' };
    if (CRON.test(message)) return { path: 'cron', message: `is not a valid cron expression: ${message}` };
  }
  return undefined;
}
