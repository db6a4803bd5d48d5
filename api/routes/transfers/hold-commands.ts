/** Commands that hold money, and that capture it or let it go. */
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { captureBody, extendBody, holdBody, reasonBody } from '../../../contracts/http-bodies.ts';
import { acceptedCommand, holdResource } from '../../../contracts/http.ts';
import { defined } from '../../../domain/optional-fields.ts';
import { commandMeta, receiptMeta, secondsAfter } from '../../commands/command-meta.ts';
import { changeHold, placeHold } from '../../commands/execute.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { optionalBody, requiredBody } from '../../http/validation.ts';

const shared = { method: 'post' as const, tags: ['Holds'] };
const accepted = doc.json('Accepted; will be carried out.', acceptedCommand, doc.ACCEPTED_HEADERS);

const place = createRoute({
  ...shared,
  path: '/v1/holds',
  operationId: 'placeHold',
  summary: 'Place a hold',
  description: 'Reserves money of an account: it stays posted, but is no longer available.',
  middleware: requiredBody,
  parameters: [doc.idempotencyKeyHeader(true, 'hold-1'), doc.preferHeader],
  request: { body: doc.body(holdBody) },
  responses: {
    201: doc.json('The new hold.', holdResource, { ...doc.COMMAND_HEADERS, ...doc.LOCATION }),
    202: accepted,
    ...doc.problems('idempotency_key_missing', ...doc.POSTING_PROBLEMS),
  },
});

const changed = { 200: doc.json('The updated hold.', holdResource, doc.COMMAND_HEADERS), 202: accepted };

const PROBLEMS = [
  'hold_not_found',
  'hold_not_active',
  'payload_too_large',
  'unsupported_media_type',
  'idempotency_key_reused',
] as const;

const capture = createRoute({
  ...shared,
  path: '/v1/holds/{id}/capture',
  operationId: 'captureHold',
  summary: 'Capture a hold',
  description: 'Moves the held money, or a part of it, to the destination. The rest is released.',
  middleware: optionalBody,
  parameters: [doc.idempotencyKeyHeader(true, 'capture-1'), doc.preferHeader],
  request: { params: doc.idParam, body: { ...doc.body(captureBody), required: false } },
  responses: {
    ...changed,
    ...doc.problems(
      ...PROBLEMS,
      'idempotency_key_missing',
      'account_not_found',
      'same_account',
      'currency_mismatch',
      'amount_exceeds_hold',
      'account_closed',
      'account_frozen',
      'insufficient_funds',
      'amount_overflow',
    ),
  },
});

const voiding = createRoute({
  ...shared,
  path: '/v1/holds/{id}/void',
  operationId: 'voidHold',
  summary: 'Void a hold',
  description: 'Releases the held money: it is available again.',
  middleware: optionalBody,
  parameters: [doc.idempotencyKeyHeader(false, 'void-1'), doc.preferHeader],
  request: { params: doc.idParam, body: { ...doc.body(reasonBody), required: false } },
  responses: { ...changed, ...doc.problems(...PROBLEMS) },
});

const extend = createRoute({
  ...shared,
  path: '/v1/holds/{id}/extend',
  operationId: 'extendHold',
  summary: 'Extend a hold',
  description: 'Moves the expiry of the hold to a later time.',
  middleware: requiredBody,
  parameters: [doc.idempotencyKeyHeader(false, 'extend-1'), doc.preferHeader],
  request: { params: doc.idParam, body: doc.body(extendBody) },
  responses: { ...changed, ...doc.problems(...PROBLEMS) },
});

/** The routes of commands about holds. */
export function holdCommandRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(place, (c) => {
      const body = c.req.valid('json');
      const { meta, key } = receiptMeta(c, deps, { route: 'POST /v1/holds', body });
      const { account, amount, currency, metadata, destination, reference, expires_in_seconds } = body;
      const expires_at =
        expires_in_seconds === undefined ? undefined : secondsAfter(meta, expires_in_seconds);
      return placeHold(c, deps.commands, {
        ...meta,
        type: 'hold.place',
        id: key.holdId,
        account,
        amount,
        currency,
        metadata,
        ...defined({ destination, reference, expires_at }),
      });
    })
    .openapi(capture, (c) => {
      const { id } = c.req.valid('param');
      const body = c.req.valid('json');
      const { meta, key } = receiptMeta(c, deps, { route: 'POST /v1/holds/{id}/capture', id, body });
      const request = { ...meta, type: 'hold.capture' as const, id, transfer: key.captureId };
      return changeHold(c, deps.commands, { ...request, ...defined(body) });
    })
    .openapi(voiding, (c) => {
      const { id } = c.req.valid('param');
      const body = c.req.valid('json');
      const { meta } = commandMeta(c, deps, { route: 'POST /v1/holds/{id}/void', id, body });
      return changeHold(c, deps.commands, { ...meta, type: 'hold.void', id, ...defined(body) });
    })
    .openapi(extend, (c) => {
      const { id } = c.req.valid('param');
      const body = c.req.valid('json');
      const { meta } = commandMeta(c, deps, { route: 'POST /v1/holds/{id}/extend', id, body });
      const expires_at = secondsAfter(meta, body.expires_in_seconds);
      return changeHold(c, deps.commands, { ...meta, type: 'hold.extend', id, expires_at });
    });
}
