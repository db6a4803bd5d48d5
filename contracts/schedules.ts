/**
 * A schedule: a transfer that is made again and again. What HTTP says of it, and what its firings are started with.
 * Temporal keeps schedules, and knows when they fire; whether a cron expression is one, it decides too.
 */
import { z } from 'zod';
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
  }, 'must not restrict both the day of the month and the day of the week: create two schedules')
  .meta({
    description: 'Five fields: minute, hour, day of month, month, day of week.',
    example: '0 9 1 * *',
  });

const timeZone = z.string().refine(isTimeZone, 'must be the name of an IANA time zone').meta({
  description: 'The IANA time zone of `cron`.',
  example: 'Europe/Berlin',
});

const when = {
  cron: cron.optional(),
  every_seconds: values.seconds.optional().meta({
    description: 'The interval, counted from `starts_at` or from the creation of the schedule.',
    example: undefined,
  }),
};

const startsAt = values.instant
  .optional()
  .meta({ description: 'No firing is earlier. With `every_seconds`, this is the first firing.' });
const endsAt = values.instant.optional().meta({ description: 'No firing is later.' });

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
      issue('cron', 'is required unless every_seconds is given');
    if (expression !== undefined && every_seconds !== undefined)
      issue('every_seconds', 'must not be combined with cron');
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
    transfer: values.id.meta({
      description: 'The id of the transfer. If the firing failed, this transfer does not exist.',
    }),
    status: transferStatus.optional().meta({
      description:
        'The status of the transfer. `failed`: no transfer was recorded. Left out if it is no longer known.',
    }),
    reason: z.string().optional().meta({ description: 'Why no money moved.' }),
    scheduled_at: values.time
      .optional()
      .meta({ description: 'The time at which the firing was due. Left out if it was triggered manually.' }),
    fired_at: values.time,
    workflow_id: z.string(),
  })
  .meta({ id: 'Firing' });

export const scheduleStatus = z.enum(['active', 'paused', 'ended']);

export const scheduleResource = z
  .object({
    id: values.id,
    status: scheduleStatus.meta({ description: '`ended`: no further firing follows.' }),
    transfer: scheduledTransfer,
    ...when,
    time_zone: timeZone,
    starts_at: startsAt,
    ends_at: endsAt,
    reason: z.string().optional().meta({ description: 'Why the schedule was paused or resumed.' }),
    next_firings: z
      .array(values.time)
      .readonly()
      .meta({ description: 'The times of the next firings; empty while the schedule is paused.' }),
    last_firings: z
      .array(firing)
      .readonly()
      .optional()
      .meta({ description: 'The last ten firings, newest first. Not included in lists.' }),
    missed_firings: z.number().int().nonnegative().optional().meta({
      description: 'The number of firings that an outage prevented. Not included in lists.',
    }),
    created_at: values.time,
    workflow_id: z.string().meta({
      description: 'The id of the schedule in Temporal, and the prefix of the workflow ids of its firings.',
    }),
  })
  .meta({ id: 'Schedule' });

export const schedulePage = page(scheduleResource).meta({ id: 'SchedulePage' });

export type ScheduleBody = z.infer<typeof scheduleBody>;
export type ScheduleResource = z.infer<typeof scheduleResource>;
export type Firing = z.infer<typeof firing>;

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
