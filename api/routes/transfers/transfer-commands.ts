/** What is done to a transfer: answers to one that waits, and the reversal of one that is posted. */
import { createRoute, OpenAPIHono, type z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { reasonBody, reversalBody } from '../../../contracts/http-bodies.ts';
import { acceptedCommand, transferResource } from '../../../contracts/http.ts';
import { defined } from '../../../domain/optional-fields.ts';
import { commandMeta, transferMeta } from '../../commands/command-meta.ts';
import { changeTransfer, createTransfer } from '../../commands/execute.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { optionalBody } from '../../http/validation.ts';

const shared = { method: 'post' as const, tags: ['Transfers'], middleware: optionalBody };

const deciding = {
  ...shared,
  request: { params: doc.idParam, body: { ...doc.body(reasonBody), required: false } },
};

const decided = {
  200: doc.json('The updated transfer.', transferResource, doc.COMMAND_HEADERS),
  202: doc.json('Accepted; will be carried out.', acceptedCommand, doc.ACCEPTED_HEADERS),
};

const PROBLEMS = [
  'transfer_not_found',
  'transfer_not_pending',
  'payload_too_large',
  'unsupported_media_type',
  'idempotency_key_reused',
] as const;

/** It is approved, but cannot be posted any more. */
const FAILURES = ['account_closed', 'account_frozen', 'amount_overflow'] as const;

const approve = createRoute({
  ...deciding,
  path: '/v1/transfers/{id}/approve',
  operationId: 'approveTransfer',
  summary: 'Approve a transfer',
  description: 'The transfer is posted, or waits for its date.',
  parameters: [doc.idempotencyKeyHeader(false, 'approve-1'), doc.preferHeader],
  responses: { ...decided, ...doc.problems(...PROBLEMS, ...FAILURES) },
});

const reject = createRoute({
  ...deciding,
  path: '/v1/transfers/{id}/reject',
  operationId: 'rejectTransfer',
  summary: 'Reject a transfer',
  description: 'Rejects a transfer that awaits approval, and releases the money held for it.',
  parameters: [doc.idempotencyKeyHeader(false, 'reject-1'), doc.preferHeader],
  responses: { ...decided, ...doc.problems(...PROBLEMS) },
});

const cancel = createRoute({
  ...deciding,
  path: '/v1/transfers/{id}/cancel',
  operationId: 'cancelTransfer',
  summary: 'Cancel a transfer',
  description:
    'Cancels a transfer that waits for its approval or its date, and releases the money held for it.',
  parameters: [doc.idempotencyKeyHeader(false, 'cancel-1'), doc.preferHeader],
  responses: { ...decided, ...doc.problems(...PROBLEMS) },
});

const reversal = createRoute({
  ...shared,
  path: '/v1/transfers/{id}/reversal',
  operationId: 'reverseTransfer',
  summary: 'Reverse a transfer',
  description: 'Moves the money of a posted transfer back, in full or in part, by a new transfer.',
  parameters: [doc.idempotencyKeyHeader(true, 'reversal-1'), doc.preferHeader],
  request: { params: doc.idParam, body: { ...doc.body(reversalBody), required: false } },
  responses: {
    201: doc.json('The posted reversal.', transferResource, { ...doc.COMMAND_HEADERS, ...doc.LOCATION }),
    202: doc.json('The reversal, which will be carried out.', transferResource, doc.ACCEPTED_HEADERS),
    ...doc.problems(
      'idempotency_key_missing',
      'transfer_not_found',
      'transfer_not_posted',
      'already_reversed',
      'payload_too_large',
      'unsupported_media_type',
      'amount_exceeds_transfer',
      'account_closed',
      'account_frozen',
      'insufficient_funds',
      'amount_overflow',
      'idempotency_key_reused',
    ),
  },
});

/** The routes of commands about a transfer that is there. */
export function transferCommandRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(approve, (c) => {
      return decide(c, deps, { ...c.req.valid('param'), action: 'approve', body: c.req.valid('json') });
    })
    .openapi(reject, (c) => {
      return decide(c, deps, { ...c.req.valid('param'), action: 'reject', body: c.req.valid('json') });
    })
    .openapi(cancel, (c) => {
      return decide(c, deps, { ...c.req.valid('param'), action: 'cancel', body: c.req.valid('json') });
    })
    .openapi(reversal, (c) => {
      const reverses = c.req.valid('param').id;
      const body = c.req.valid('json');
      const identity = { route: 'POST /v1/transfers/{id}/reversal', id: reverses, body };
      const { meta, id } = transferMeta(c, deps, identity);
      const { amount, reference, metadata } = body;
      const request = { ...meta, type: 'reversal' as const, id, reverses, metadata };
      return createTransfer(c, deps.commands, { ...request, ...defined({ amount, reference }) });
    });
}

type TransferDecision = {
  id: string;
  action: 'approve' | 'reject' | 'cancel';
  body: z.infer<typeof reasonBody>;
};

function decide(c: Context<ApiEnv>, deps: ApiDependencies, { id, action, body }: TransferDecision) {
  const { meta } = commandMeta(c, deps, { route: `POST /v1/transfers/{id}/${action}`, id, body });
  return changeTransfer(c, deps.commands, { ...meta, type: `transfer.${action}`, id, ...defined(body) });
}
