/** Commands that move money: each is a transfer, a deposit from the world account and a withdrawal to it. */
import { createRoute, OpenAPIHono, type z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { worldAccount } from '../../domain/account.ts';
import type { TransferKind } from '../../domain/transfer.ts';
import { movementBody, transferBody, transferResource } from '../../contracts/http.ts';
import { carryOutTransfer, pendingTransfer } from '../command-answer.ts';
import { transferRequest } from '../command-request.ts';
import type { ApiDependencies } from '../dependencies.ts';
import * as doc from '../openapi.ts';
import type { ApiEnv } from '../problem.ts';
import { requiredBody } from '../validation.ts';

const responses = {
  201: doc.json('It is posted.', transferResource, { ...doc.COMMAND_HEADERS, ...doc.LOCATION }),
  202: doc.json('It is pending.', transferResource, doc.ACCEPTED_HEADERS),
  ...doc.problems(
    'idempotency_key_missing',
    'account_not_found',
    'payload_too_large',
    'unsupported_media_type',
    'same_account',
    'currency_mismatch',
    'account_closed',
    'account_frozen',
    'insufficient_funds',
    'amount_overflow',
    'idempotency_key_reused',
    'overloaded',
  ),
};

const shared = { method: 'post' as const, tags: ['Moving money'], middleware: requiredBody, responses };

const deposit = createRoute({
  ...shared,
  path: '/v1/deposits',
  operationId: 'createDeposit',
  summary: 'Bring money in from outside',
  parameters: [doc.idempotencyKeyHeader(true, 'deposit-1'), doc.preferHeader],
  request: { body: doc.body(movementBody) },
});

const withdrawal = createRoute({
  ...shared,
  path: '/v1/withdrawals',
  operationId: 'createWithdrawal',
  summary: 'Send money out',
  parameters: [doc.idempotencyKeyHeader(true, 'withdrawal-1'), doc.preferHeader],
  request: { body: doc.body(movementBody) },
});

const transfer = createRoute({
  ...shared,
  path: '/v1/transfers',
  operationId: 'createTransfer',
  summary: 'Move money between two accounts',
  parameters: [doc.idempotencyKeyHeader(true, 'transfer-1'), doc.preferHeader],
  request: { body: doc.body(transferBody) },
});

/** The routes that move money. */
export function movementRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(deposit, (c) => {
      const body = c.req.valid('json');
      const source = worldAccount(body.currency);
      return move(c, deps, { kind: 'deposit', source, destination: body.account, body });
    })
    .openapi(withdrawal, (c) => {
      const body = c.req.valid('json');
      const destination = worldAccount(body.currency);
      return move(c, deps, { kind: 'withdrawal', source: body.account, destination, body });
    })
    .openapi(transfer, (c) => {
      const body = c.req.valid('json');
      return move(c, deps, { kind: 'transfer', source: body.source, destination: body.destination, body });
    });
}

async function move(c: Context<ApiEnv>, deps: ApiDependencies, movement: Movement) {
  const { kind, source, destination, body } = movement;
  const { amount, currency, metadata, reference } = body;
  const terms = { kind, source, destination, amount, currency, metadata };
  const request = transferRequest(c, deps, {
    terms: reference === undefined ? terms : { ...terms, reference },
    asked: { route: `POST /v1/${kind}s`, body },
  });
  const settled = await carryOutTransfer(c, deps.commands, request);
  return settled.type === 'accepted'
    ? c.json(pendingTransfer(request, settled.workflowId), 202)
    : c.json(settled.resource, 201);
}

type Movement = {
  kind: TransferKind;
  source: string;
  destination: string;
  body: Pick<z.infer<typeof transferBody>, 'amount' | 'currency' | 'metadata' | 'reference'>;
};
