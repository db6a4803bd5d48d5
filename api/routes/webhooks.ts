/** Webhooks: URLs that events are sent to, and what became of that. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { pageQuery } from '../../contracts/http.ts';
import { id } from '../../contracts/values.ts';
import {
  acceptedRedelivery,
  createdWebhook,
  deliveryPage,
  secretRotation,
  webhookBody,
  webhookChange,
  webhookPage,
  webhookResource,
  type WebhookResource,
} from '../../contracts/webhooks.ts';
import { commandMeta } from '../commands/command-meta.ts';
import { optionalKey } from '../commands/idempotency.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { eventCursor, positionOfCursor } from '../http/event-cursor.ts';
import * as doc from '../http/openapi.ts';
import { invalidRequest, keyReused, ProblemError, type ApiEnv } from '../http/problem.ts';
import { optionalBody, requiredBody } from '../http/validation.ts';
import { pageOfWebhooks } from '../http/webhook-cursor.ts';
import { queryTimeout } from '../queries/read-your-writes.ts';

const TAGS = ['Webhooks'];
const ONE = '/v1/webhooks/{id}';

const create = createRoute({
  method: 'post',
  path: '/v1/webhooks',
  operationId: 'createWebhook',
  tags: TAGS,
  summary: 'Create a webhook',
  description: 'Delivers events to a URL, from now on.',
  middleware: [queryTimeout, requiredBody] as const,
  parameters: [doc.idempotencyKeyHeader(false, 'webhook-1')],
  request: { body: doc.body(webhookBody) },
  responses: {
    201: doc.json('The new webhook, with its secret.', createdWebhook, {
      ...doc.LOCATION,
      ...doc.REPLAYED,
    }),
    ...doc.problems(
      'webhook_not_found',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
    ),
  },
});

const list = createRoute({
  method: 'get',
  path: '/v1/webhooks',
  operationId: 'listWebhooks',
  tags: TAGS,
  summary: 'List webhooks',
  description: 'Returns the webhooks without their secrets, newest first.',
  middleware: queryTimeout,
  request: { query: z.object(pageQuery) },
  responses: { 200: doc.json('A page of webhooks.', webhookPage), ...doc.problems('invalid_cursor') },
});

const get = createRoute({
  method: 'get',
  path: ONE,
  operationId: 'getWebhook',
  tags: TAGS,
  summary: 'Get a webhook',
  description: 'Returns the webhook without its secret.',
  middleware: queryTimeout,
  request: { params: doc.idParam },
  responses: { 200: doc.json('The webhook.', webhookResource), ...doc.problems('webhook_not_found') },
});

const change = createRoute({
  method: 'patch',
  path: ONE,
  operationId: 'changeWebhook',
  tags: TAGS,
  summary: 'Change a webhook',
  description: 'Changes the URL or the types, or disables or enables the webhook.',
  middleware: [queryTimeout, requiredBody] as const,
  request: { params: doc.idParam, body: doc.body(webhookChange) },
  responses: {
    200: doc.json('The updated webhook.', webhookResource),
    ...doc.problems('webhook_not_found', 'payload_too_large', 'unsupported_media_type'),
  },
});

const rotateSecret = createRoute({
  method: 'post',
  path: `${ONE}/rotate-secret`,
  operationId: 'rotateWebhookSecret',
  tags: TAGS,
  summary: 'Rotate the secret of a webhook',
  description: 'Deliveries are signed with the new secret and, for 24 hours, with the previous one too.',
  middleware: [queryTimeout, optionalBody] as const,
  parameters: [doc.idempotencyKeyHeader(false, 'rotate-1')],
  request: { params: doc.idParam, body: { ...doc.body(secretRotation), required: false } },
  responses: {
    200: doc.json('The webhook with its new secret.', createdWebhook, doc.REPLAYED),
    ...doc.problems(
      'webhook_not_found',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
    ),
  },
});

const remove = createRoute({
  method: 'delete',
  path: ONE,
  operationId: 'deleteWebhook',
  tags: TAGS,
  summary: 'Delete a webhook',
  description: 'Ends the webhook for good. Nothing more is delivered to it.',
  middleware: queryTimeout,
  request: { params: doc.idParam },
  responses: { 204: { description: 'The webhook is deleted.' }, ...doc.problems('webhook_not_found') },
});

const deliveries = createRoute({
  method: 'get',
  path: `${ONE}/deliveries`,
  operationId: 'listDeliveries',
  tags: TAGS,
  summary: 'List the deliveries of a webhook',
  description: 'Returns the deliveries with at least one attempt, newest events first.',
  middleware: queryTimeout,
  request: { params: doc.idParam, query: z.object(pageQuery) },
  responses: {
    200: doc.json('A page of deliveries.', deliveryPage),
    ...doc.problems('invalid_cursor', 'webhook_not_found'),
  },
});

const redeliver = createRoute({
  method: 'post',
  path: `${ONE}/deliveries/{event}/redeliver`,
  operationId: 'redeliver',
  tags: TAGS,
  summary: 'Redeliver an event',
  description: 'Delivers an event once more. By its position, any event of the log can be delivered.',
  middleware: [queryTimeout, optionalBody] as const,
  parameters: [doc.idempotencyKeyHeader(false, 'redeliver-1')],
  request: {
    params: z.object({
      id,
      event: z
        .string()
        .min(1)
        .max(200)
        .regex(/^[\x21-\x7e]+$/, 'must be the id of an event, or its position')
        .meta({
          description: 'The id of an event with a delivery, or the position of any event.',
          example: '42',
        }),
    }),
    body: { ...doc.body(z.strictObject({})), required: false },
  },
  responses: {
    202: doc.json('Accepted; will be carried out.', acceptedRedelivery),
    ...doc.problems(
      'webhook_not_found',
      'delivery_not_found',
      'webhook_disabled',
      'payload_too_large',
      'unsupported_media_type',
    ),
  },
});

/** The routes of webhooks. */
export function webhookRoutes(deps: ApiDependencies) {
  const { webhooks } = deps;
  const requireUsable = (url: string | undefined) => {
    const message = url === undefined ? undefined : webhooks.urlProblem(url);
    if (message !== undefined) throw invalidRequest({ path: 'url', message });
  };
  const find = async (webhook: string) => required(webhook, await webhooks.find(webhook));
  return new OpenAPIHono<ApiEnv>()
    .openapi(create, async (c) => {
      const body = c.req.valid('json');
      requireUsable(body.url);
      const { meta } = commandMeta(c, deps, { route: 'POST /v1/webhooks', body });
      const key = optionalKey(c.req.header('idempotency-key'));
      const created = await webhooks.create({
        id: key?.webhookId ?? `wh_${deps.newId().replaceAll('-', '')}`,
        body,
        fingerprint: meta.fingerprint,
        created_at: meta.requested_at,
      });
      if (created === 'reused') throw keyReused();
      if (created === 'deleted') {
        const detail = 'The webhook that this request created was deleted.';
        throw new ProblemError('webhook_not_found', { detail });
      }
      c.header('Location', `/v1/webhooks/${created.webhook.id}`);
      if (created.replayed) c.header('Idempotency-Replayed', 'true');
      return c.json(created.webhook, 201);
    })
    .openapi(list, async (c) => c.json(pageOfWebhooks(await webhooks.list(), c.req.valid('query')), 200))
    .openapi(get, async (c) => c.json(await find(c.req.valid('param').id), 200))
    .openapi(change, async (c) => {
      const webhook = c.req.valid('param').id;
      const requested = c.req.valid('json');
      requireUsable(requested.url);
      const at = deps.clock().toISOString();
      return c.json(required(webhook, await webhooks.change(webhook, { ...requested, at })), 200);
    })
    .openapi(rotateSecret, async (c) => {
      const webhook = c.req.valid('param').id;
      const body = c.req.valid('json');
      const { meta } = commandMeta(c, deps, {
        route: 'POST /v1/webhooks/{id}/rotate-secret',
        id: webhook,
        body,
      });
      const created = await webhooks.rotateSecret(webhook, {
        secret: body.secret,
        key: optionalKey(c.req.header('idempotency-key'))?.keyHash,
        fingerprint: meta.fingerprint,
        at: meta.requested_at,
      });
      if (created === undefined) throw notFound(webhook);
      if (created === 'reused') throw keyReused();
      if (created.replayed) c.header('Idempotency-Replayed', 'true');
      return c.json(created.webhook, 200);
    })
    .openapi(remove, async (c) => {
      const webhook = c.req.valid('param').id;
      if (!(await webhooks.remove(webhook))) throw notFound(webhook);
      return c.body(null, 204);
    })
    .openapi(deliveries, async (c) => {
      const { limit, cursor } = c.req.valid('query');
      const webhook = await find(c.req.valid('param').id);
      const before = cursor === undefined ? undefined : positionOfCursor(cursor);
      const found = await webhooks.deliveries(webhook.id, { limit: limit + 1, before });
      const data = found.slice(0, limit);
      const last = data.at(-1);
      const more = found.length > limit && last !== undefined;
      return c.json({ data, next_cursor: more ? eventCursor(last.position) : null }, 200);
    })
    .openapi(redeliver, async (c) => {
      const { id: webhook, event } = c.req.valid('param');
      // Asked for twice it is sent again once, or twice: the receiver knows the event by its id.
      optionalKey(c.req.header('idempotency-key'));
      if ((await find(webhook)).status === 'disabled') throw new ProblemError('webhook_disabled');
      const requested = await webhooks.redeliver(webhook, event);
      if (requested === undefined) {
        throw new ProblemError('delivery_not_found', {
          detail: `Event ${event} does not exist or is not published.`,
        });
      }
      return c.json(requested, 202);
    });
}

function required(webhook: string, found: WebhookResource | undefined): WebhookResource {
  if (found === undefined) throw notFound(webhook);
  return found;
}

function notFound(webhook: string): ProblemError {
  return new ProblemError('webhook_not_found', { detail: `Webhook ${webhook} does not exist.` });
}
