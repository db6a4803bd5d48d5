/** Schedules: transfers that are made again and again. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { timeout } from 'hono/timeout';
import { reasonBody } from '../../../contracts/http-bodies.ts';
import { minPosition, pageQuery, transferResource } from '../../../contracts/http.ts';
import {
  scheduleBody,
  schedulePage,
  scheduleResource,
  type ScheduleBody,
} from '../../../contracts/schedules.ts';
import { defined } from '../../../domain/optional-fields.ts';
import { transferFrom } from '../../../messages/mapping/resources.ts';
import { commandMeta, keyedMeta, transferMeta } from '../../commands/command-meta.ts';
import { requireNearDate } from '../../commands/date-limits.ts';
import { createTransfer } from '../../commands/execute.ts';
import { optionalKey } from '../../commands/idempotency.ts';
import { lastFirings } from '../../commands/schedules.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import { keyReused, ProblemError, type ApiEnv } from '../../http/problem.ts';
import { optionalBody, requiredBody } from '../../http/validation.ts';
import { queryTimeout, reachPosition } from '../../queries/read-your-writes.ts';

const TAGS = ['Schedules'];
const ONE = '/v1/schedules/{id}';

/** Temporal is asked for the schedule first, and then for the transfer: both together end within 10 s too. */
const triggerTimeout: MiddlewareHandler<ApiEnv> = timeout(9_000, () => {
  const detail = 'The outcome is not known yet. Send the same request with the same Idempotency-Key again.';
  return new ProblemError('dependency_unavailable', { detail });
});

const create = createRoute({
  method: 'post',
  path: '/v1/schedules',
  operationId: 'createSchedule',
  tags: TAGS,
  summary: 'Create a schedule',
  description: 'Makes a transfer repeatedly: by a cron expression or at a fixed interval.',
  middleware: requiredBody,
  parameters: [doc.idempotencyKeyHeader(true, 'schedule-1')],
  request: { body: doc.body(scheduleBody) },
  responses: {
    201: doc.json('The new schedule.', scheduleResource, { ...doc.LOCATION, ...doc.REPLAYED }),
    ...doc.problems(
      'idempotency_key_missing',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
    ),
  },
});

const list = createRoute({
  method: 'get',
  path: '/v1/schedules',
  operationId: 'listSchedules',
  tags: TAGS,
  summary: 'List schedules',
  description: 'Returns the schedules, newest first.',
  middleware: queryTimeout,
  request: { query: z.object(pageQuery) },
  responses: {
    200: doc.json('A page of schedules.', schedulePage),
    ...doc.problems('invalid_cursor'),
  },
});

const get = createRoute({
  method: 'get',
  path: ONE,
  operationId: 'getSchedule',
  tags: TAGS,
  summary: 'Get a schedule',
  description: 'Returns the schedule with its last and its next firings.',
  middleware: queryTimeout,
  request: { params: doc.idParam, query: z.object({ min_position: minPosition }) },
  responses: {
    200: doc.json('The schedule.', scheduleResource),
    ...doc.problems('schedule_not_found', 'position_not_reached'),
  },
});

const changing = {
  method: 'post' as const,
  tags: TAGS,
  middleware: optionalBody,
  request: { params: doc.idParam, body: { ...doc.body(reasonBody), required: false } },
  responses: {
    200: doc.json('The updated schedule.', scheduleResource),
    ...doc.problems('schedule_not_found', 'payload_too_large', 'unsupported_media_type'),
  },
};

const pause = createRoute({
  ...changing,
  path: `${ONE}/pause`,
  operationId: 'pauseSchedule',
  summary: 'Pause a schedule',
  description: 'The schedule has no firings until it is resumed.',
  parameters: [doc.idempotencyKeyHeader(false, 'pause-1')],
});

const resume = createRoute({
  ...changing,
  path: `${ONE}/resume`,
  operationId: 'resumeSchedule',
  summary: 'Resume a schedule',
  description: 'Firings that were due during the pause are skipped.',
  parameters: [doc.idempotencyKeyHeader(false, 'resume-1')],
});

const trigger = createRoute({
  method: 'post',
  path: `${ONE}/trigger`,
  operationId: 'triggerSchedule',
  tags: TAGS,
  summary: 'Trigger a schedule',
  description: 'Makes the transfer of the schedule now, in addition to the regular firings.',
  middleware: [triggerTimeout, optionalBody] as const,
  parameters: [doc.idempotencyKeyHeader(false, 'trigger-1'), doc.preferHeader],
  request: { params: doc.idParam, body: { ...doc.body(z.strictObject({})), required: false } },
  responses: {
    201: doc.json('The posted transfer.', transferResource, { ...doc.COMMAND_HEADERS, ...doc.LOCATION }),
    202: doc.json('The transfer, which will be carried out.', transferResource, doc.WAITING_HEADERS),
    ...doc.problems('schedule_not_found', ...doc.POSTING_PROBLEMS),
  },
});

const remove = createRoute({
  method: 'delete',
  path: ONE,
  operationId: 'deleteSchedule',
  tags: TAGS,
  summary: 'Delete a schedule',
  description: 'Ends the schedule for good. Transfers already made are not affected.',
  request: { params: doc.idParam },
  responses: { 204: { description: 'The schedule is deleted.' }, ...doc.problems('schedule_not_found') },
});

/** The routes of schedules. */
export function scheduleRoutes(deps: ApiDependencies) {
  const { schedules, commands, waitForPosition } = deps;
  return new OpenAPIHono<ApiEnv>()
    .openapi(create, async (c) => {
      const body = c.req.valid('json');
      requireNearDate('starts_at', body.starts_at, deps.clock());
      const { meta, key } = keyedMeta(c, deps, { route: 'POST /v1/schedules', body });
      const id = key.scheduleId;
      const created = await schedules.create({ id, body, meta });
      if (!created) throw keyReused();
      c.header('Location', `/v1/schedules/${id}`);
      if (created.replayed) c.header('Idempotency-Replayed', 'true');
      return c.json(created.schedule, 201);
    })
    .openapi(list, async (c) => c.json(await schedules.list(c.req.valid('query')), 200))
    .openapi(get, async (c) => {
      const { id } = c.req.valid('param');
      await reachPosition(waitForPosition, c.req.valid('query').min_position);
      const found = required(id, await schedules.find(id));
      return c.json({ ...found.schedule, last_firings: await lastFirings(deps, found) }, 200);
    })
    .openapi(pause, async (c) => {
      const { id } = c.req.valid('param');
      // What it does twice it has done once, so the key changes nothing.
      optionalKey(c.req.header('idempotency-key'));
      return c.json(required(id, await schedules.pause(id, c.req.valid('json').reason)), 200);
    })
    .openapi(resume, async (c) => {
      const { id } = c.req.valid('param');
      optionalKey(c.req.header('idempotency-key'));
      return c.json(required(id, await schedules.resume(id, c.req.valid('json').reason)), 200);
    })
    .openapi(trigger, async (c) => {
      const schedule = c.req.valid('param').id;
      const request = { route: 'POST /v1/schedules/{id}/trigger', id: schedule, body: {} };
      const identity = identify(c, deps, request);
      const { reference, ...terms } = await termsOf(deps, schedule, identity.id);
      return createTransfer(c, commands, {
        ...identity,
        type: 'transfer',
        kind: 'transfer',
        schedule,
        ...terms,
        ...defined({ reference }),
      });
    })
    .openapi(remove, async (c) => {
      const { id } = c.req.valid('param');
      if (!(await schedules.remove(id))) throw notFound(id);
      return c.body(null, 204);
    });
}

/** What names the transfer of a trigger: its key, or else it is one of its own each time. */
function identify(
  c: Context<ApiEnv>,
  deps: Pick<ApiDependencies, 'clock' | 'newId'>,
  request: Parameters<typeof transferMeta>[2],
) {
  if (c.req.header('idempotency-key') === undefined) {
    const { meta } = commandMeta(c, deps, request);
    return { ...meta, id: `tr_${deps.newId().replaceAll('-', '')}` };
  }
  const { meta, id } = transferMeta(c, deps, request);
  return { ...meta, id };
}

/**
 * What a trigger moves. A schedule that is gone is triggered no more, but what a trigger has made before it can be asked
 * for again, for ever.
 */
async function termsOf(
  { schedules, events }: Pick<ApiDependencies, 'schedules' | 'events'>,
  schedule: string,
  id: string,
): Promise<ScheduleBody['transfer']> {
  const found = await schedules.find(schedule);
  if (found) return found.schedule.transfer;
  const first = await events.first({ aggregate: 'transfer', id });
  const created = first && transferFrom(first);
  if (created?.schedule !== schedule) throw notFound(schedule);
  const { source, destination, amount, currency, metadata, reference } = created;
  const terms = { source, destination, amount, currency, metadata, reference: reference ?? undefined };
  return terms as ScheduleBody['transfer'];
}

function required<Found>(id: string, found: Found | undefined): Found {
  if (found === undefined) throw notFound(id);
  return found;
}

function notFound(id: string): ProblemError {
  return new ProblemError('schedule_not_found', { detail: `Schedule ${id} does not exist.` });
}
