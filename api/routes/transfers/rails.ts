/** Payment rails: what they call back with, and what an operator says of a payment that no rail can tell of. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { acceptedCommand, transferResource } from '../../../contracts/http.ts';
import { railReport, railCallbackAccepted, resolveBody } from '../../../contracts/rails.ts';
import { id } from '../../../contracts/values.ts';
import { commandMeta } from '../../commands/command-meta.ts';
import { changeTransfer } from '../../commands/execute.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { requiredBody } from '../../http/validation.ts';
import { onlySigned, acceptCallback } from '../../rails/callbacks.ts';

const resolve = createRoute({
  method: 'post',
  tags: ['Transfers'],
  middleware: requiredBody,
  path: '/v1/transfers/{id}/resolve',
  operationId: 'resolveTransfer',
  summary: 'Resolve a parked transfer',
  description:
    'Records the outcome that an operator found out. A transfer is parked if its payment rail does not know the outcome: it is `pending`, and its `reason` says why.',
  parameters: [doc.idempotencyKeyHeader(false, 'resolve-1'), doc.preferHeader],
  request: { params: doc.idParam, body: doc.body(resolveBody) },
  responses: {
    200: doc.json('The updated transfer.', transferResource, doc.COMMAND_HEADERS),
    202: doc.json('Accepted; will be carried out.', acceptedCommand, doc.ACCEPTED_HEADERS),
    ...doc.problems(
      'transfer_not_found',
      'transfer_not_pending',
      'payload_too_large',
      'unsupported_media_type',
      'account_frozen',
      'amount_overflow',
      'idempotency_key_reused',
    ),
  },
});

const signatureHeader = (name: string, description: string, example: string) => ({
  name,
  in: 'header' as const,
  required: true,
  description,
  example,
  schema: { type: 'string' as const },
});

/** The routes of payment rails. */
export function railRoutes(deps: ApiDependencies) {
  const callback = createRoute({
    method: 'post',
    tags: ['Operation'],
    middleware: [requiredBody, onlySigned(deps)],
    path: '/v1/rails/{rail}/callbacks',
    operationId: 'railCallback',
    summary: 'Report the outcome of a payment',
    description:
      'For payment rails. Callbacks are signed as in Standard Webhooks: HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`.',
    parameters: [
      signatureHeader('webhook-id', 'The id of the callback, the same for each attempt.', 'msg_1'),
      signatureHeader(
        'webhook-timestamp',
        'The time of signing in Unix seconds, at most five minutes off.',
        '1795420800',
      ),
      signatureHeader(
        'webhook-signature',
        'The signature, `v1,<base64>`. Several are separated by spaces.',
        'v1,aGVsbG8=',
      ),
    ],
    request: { params: z.object({ rail: id }), body: doc.body(railReport) },
    responses: {
      200: doc.json('Callback accepted.', railCallbackAccepted, doc.POSITION),
      ...doc.problems(
        'unauthenticated',
        'route_not_found',
        'transfer_not_found',
        'transfer_not_pending',
        'payload_too_large',
        'unsupported_media_type',
      ),
    },
  });
  return new OpenAPIHono<ApiEnv>()
    .openapi(resolve, (c) => {
      const transferId = c.req.valid('param').id;
      const { outcome, reason } = c.req.valid('json');
      const body = reason === undefined ? { outcome } : { outcome, reason };
      const { meta } = commandMeta(c, deps, {
        route: 'POST /v1/transfers/{id}/resolve',
        id: transferId,
        body,
      });
      return changeTransfer(c, deps.commands, { ...meta, type: 'transfer.resolve', id: transferId, ...body });
    })
    .openapi(callback, async (c) => {
      const report = c.req.valid('json');
      const transfer = await acceptCallback(c, deps, { ...report, ...c.req.valid('param') });
      return c.json({ id: report.id, ...(transfer ? { status: transfer.status } : {}) }, 200);
    });
}
