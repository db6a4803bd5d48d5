/** Commands that move money: each is a transfer, a deposit from the world account and a withdrawal to it. */
import { createRoute, OpenAPIHono, type z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { depositBody, transferBody, withdrawalBody } from '../../../contracts/http-bodies.ts';
import { transferResource } from '../../../contracts/http.ts';
import { worldAccount } from '../../../domain/account.ts';
import { defined } from '../../../domain/optional-fields.ts';
import type { MovementRequest } from '../../../messages/commands.ts';
import { secondsAfter, transferMeta } from '../../commands/command-meta.ts';
import { requireNearDate } from '../../commands/date-limits.ts';
import { createTransfer } from '../../commands/execute.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { requiredBody } from '../../http/validation.ts';
import { requireKnownRail } from '../../rails/callbacks.ts';

const responses = {
  201: doc.json('The posted transfer.', transferResource, { ...doc.COMMAND_HEADERS, ...doc.LOCATION }),
  202: doc.json('The transfer, which waits or will be carried out.', transferResource, doc.WAITING_HEADERS),
  ...doc.problems('idempotency_key_missing', ...doc.POSTING_PROBLEMS),
};

const shared = { method: 'post' as const, tags: ['Moving money'], middleware: requiredBody, responses };

const deposit = createRoute({
  ...shared,
  path: '/v1/deposits',
  operationId: 'createDeposit',
  summary: 'Make a deposit',
  description: 'Moves money from the world account of the currency to the account.',
  parameters: [doc.idempotencyKeyHeader(true, 'deposit-1'), doc.preferHeader],
  request: { body: doc.body(depositBody) },
});

const withdrawal = createRoute({
  ...shared,
  path: '/v1/withdrawals',
  operationId: 'createWithdrawal',
  summary: 'Make a withdrawal',
  description:
    'Moves money from the account to the world account of the currency. With `rail`, a payment rail pays the money out first.',
  parameters: [doc.idempotencyKeyHeader(true, 'withdrawal-1'), doc.preferHeader],
  request: { body: doc.body(withdrawalBody) },
});

const transfer = createRoute({
  ...shared,
  path: '/v1/transfers',
  operationId: 'createTransfer',
  summary: 'Make a transfer',
  description: 'Moves money between two accounts: at once, after an approval, or on a date.',
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
      requireKnownRail(deps.rails, body.rail);
      return move(c, deps, { kind: 'withdrawal', source: body.account, destination, body });
    })
    .openapi(transfer, (c) => {
      const body = c.req.valid('json');
      requireNearDate('scheduled_for', body.scheduled_for, deps.clock());
      return move(c, deps, { kind: 'transfer', source: body.source, destination: body.destination, body });
    });
}

type Movement = Pick<MovementRequest, 'kind' | 'source' | 'destination'> & {
  body: Pick<z.infer<typeof depositBody>, 'amount' | 'currency' | 'metadata' | 'reference'> &
    Pick<z.infer<typeof transferBody>, 'approval' | 'scheduled_for'> &
    Pick<z.infer<typeof withdrawalBody>, 'rail'>;
};

function move(c: Context<ApiEnv>, deps: ApiDependencies, { kind, source, destination, body }: Movement) {
  const { amount, currency, metadata, reference, approval, scheduled_for, rail } = body;
  const { meta, id } = transferMeta(c, deps, { route: `POST /v1/${kind}s`, body });
  const approval_expires_at = approval && secondsAfter(meta, approval.timeout_seconds);
  return createTransfer(c, deps.commands, {
    ...meta,
    type: 'transfer',
    id,
    kind,
    source,
    destination,
    amount,
    currency,
    metadata,
    ...defined({ reference, approval_expires_at, scheduled_for, rail }),
  });
}
