/**
 * A schedule: a transfer that is made again and again. What HTTP says of it, and what its firings are started with.
 * Temporal keeps schedules, and knows when they fire; whether a cron expression is one, it decides too.
 */
import { z } from 'zod';
import type { CommandMeta } from './commands.ts';
import { transferBody } from './http-bodies.ts';
import { page, transferStatus } from './http.ts';
import * as values from './values.ts';

/** Five fields of what cron knows: no seconds, no years, no `@daily`, no zone of its own. */
const CRON = /^[0-9A-Za-z*/,-]+( +[0-9A-Za-z*/,-]+){4}$/;

const cron = z
  .string()
  .max(200)
  .regex(CRON, 'must be five fields: minute, hour, day of month, month, day of week')
  .refine((text) => {
    const [, , dayOfMonth, , dayOfWeek] = text.split(/ +/);
    // What has not five fields has its issue already.
    return !CRON.test(text) || dayOfMonth === '*' || dayOfWeek === '*';
  }, 'must not name days of the month and days of the week together: make two schedules')
  .meta({ description: 'Minute, hour, day of month, month, day of week.', example: '0 9 1 * *' });

const timeZone = z.string().refine(isTimeZone, 'must be the name of an IANA time zone').meta({
  description: 'Where the hours of `cron` are those of the clock on the wall.',
  example: 'Europe/Berlin',
});

const when = {
  cron: cron.optional(),
  every_seconds: values.seconds.optional().meta({
    description: 'Counted from `starts_at`, or from when the schedule is made.',
    example: undefined,
  }),
};

const startsAt = values.instant
  .optional()
  .meta({ description: 'It does not fire before. With `every_seconds` it fires then for the first time.' });
const endsAt = values.instant.optional().meta({ description: 'It does not fire after.' });

export const scheduledTransfer = transferBody.omit({ approval: true, scheduled_for: true }).meta({
  id: 'ScheduledTransfer',
  example: { source: 'alice', destination: 'bob', amount: '1050', currency: 'EUR', reference: 'rent' },
});

export const scheduleBody = z
  .strictObject({
    transfer: scheduledTransfer,
    ...when,
    time_zone: timeZone.default('UTC'),
    starts_at: startsAt,
    ends_at: endsAt,
  })
  .superRefine(({ cron: expression, every_seconds, starts_at, ends_at }, context) => {
    const issue = (path: string, message: string) =>
      context.addIssue({ code: 'custom', message, path: [path] });
    if (expression === undefined && every_seconds === undefined)
      issue('cron', 'must be given, or every_seconds');
    if (expression !== undefined && every_seconds !== undefined)
      issue('every_seconds', 'must not be given beside cron');
    if (starts_at !== undefined && ends_at !== undefined && ends_at <= starts_at)
      issue('ends_at', 'must be after starts_at');
  })
  .meta({
    id: 'CreateSchedule',
    example: {
      transfer: { source: 'alice', destination: 'bob', amount: '1050', currency: 'EUR', reference: 'rent' },
      cron: '0 9 1 * *',
      time_zone: 'Europe/Berlin',
    },
  });

export const firing = z
  .object({
    transfer: values.id.meta({ description: 'Its transfer; there is none if it failed.' }),
    status: transferStatus.optional().meta({
      description: 'Of the transfer. `failed`: nothing was recorded. Not there if it is not known any more.',
    }),
    reason: z.string().optional().meta({ description: 'Why no money was moved.' }),
    scheduled_at: values.time
      .optional()
      .meta({ description: 'The time that it was due; not there if it was triggered by hand.' }),
    fired_at: values.time,
    workflow_id: z.string(),
  })
  .meta({ id: 'Firing' });

export const scheduleStatus = z.enum(['active', 'paused', 'ended']);

export const scheduleResource = z
  .object({
    id: values.id,
    status: scheduleStatus.meta({ description: '`ended`: no further firing will come.' }),
    transfer: scheduledTransfer,
    ...when,
    time_zone: timeZone,
    starts_at: startsAt,
    ends_at: endsAt,
    reason: z.string().optional().meta({ description: 'Why it was paused, or resumed.' }),
    next_firings: z
      .array(values.time)
      .readonly()
      .meta({ description: 'The next times; none while it is paused.' }),
    last_firings: z
      .array(firing)
      .readonly()
      .optional()
      .meta({ description: 'The last ten, newest first; when it is asked for by itself.' }),
    missed_firings: z.number().int().nonnegative().optional().meta({
      description: 'Those that an outage kept from ever being made; when it is asked for by itself.',
    }),
    created_at: values.time,
    workflow_id: z
      .string()
      .meta({ description: "Its id in Temporal, and the beginning of its firings' ids." }),
  })
  .meta({ id: 'Schedule' });

export const schedulePage = page(scheduleResource).meta({ id: 'SchedulePage' });

export type ScheduleBody = z.infer<typeof scheduleBody>;
export type ScheduleResource = z.infer<typeof scheduleResource>;
export type Firing = z.infer<typeof firing>;

/** What the workflow of a firing is started with: what it is to do, without its own id, which its time gives. */
export type FiringRequest = Pick<CommandMeta, 'actor' | 'fingerprint'> & {
  readonly schedule: string;
  readonly transfer: ScheduleBody['transfer'];
};

/** A schedule's id in Temporal, and the beginning of the ids of its firings. */
export function scheduleWorkflowId(id: string): string {
  return `schedule/${id}`;
}

/** What `Intl` knows by name; whether Temporal knows it too, it says itself. */
function isTimeZone(name: string): boolean {
  try {
    // What has no name, as +01:00, has no summer time either.
    return (
      new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '' &&
      /^[A-Z]/i.test(name)
    );
  } catch {
    return false;
  }
}
