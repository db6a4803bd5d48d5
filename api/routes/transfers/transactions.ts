/** Transactions: transfers with any number of entries, posted all at once. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { transactionBody } from '../../../contracts/http-bodies.ts';
import { minPosition, transferResource } from '../../../contracts/http.ts';
import { defined } from '../../../domain/optional-fields.ts';
import { transferMeta } from '../../commands/command-meta.ts';
import { createTransfer } from '../../commands/execute.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { requiredBody } from '../../http/validation.ts';
import { findTransfer, queryTimeout, reachPosition } from '../../queries/read-your-writes.ts';

const create = createRoute({
  method: 'post',
  path: '/v1/transactions',
  operationId: 'createTransaction',
  tags: ['Moving money'],
  summary: 'Post a transaction',
  description: 'Posts two or more entries at once: either all of them or none.',
  middleware: requiredBody,
  parameters: [doc.idempotencyKeyHeader(true, 'transaction-1'), doc.preferHeader],
  request: { body: doc.body(transactionBody) },
  responses: {
    201: doc.json('The posted transaction.', transferResource, { ...doc.COMMAND_HEADERS, ...doc.LOCATION }),
    202: doc.json('The transaction, which will be carried out.', transferResource, doc.ACCEPTED_HEADERS),
    ...doc.problems(
      'idempotency_key_missing',
      'account_not_found',
      'payload_too_large',
      'unsupported_media_type',
      'entries_unbalanced',
      'currency_mismatch',
      'account_closed',
      'account_frozen',
      'insufficient_funds',
      'amount_overflow',
      'idempotency_key_reused',
    ),
  },
});

const get = createRoute({
  method: 'get',
  path: '/v1/transactions/{id}',
  operationId: 'getTransaction',
  tags: ['Transfers'],
  summary: 'Get a transaction',
  description: 'Returns the transaction with its entries.',
  middleware: queryTimeout,
  request: { params: doc.idParam, query: z.object({ min_position: minPosition }) },
  responses: {
    200: doc.json('The transaction.', transferResource),
    ...doc.problems('transfer_not_found', 'position_not_reached'),
  },
});

/** The routes of transactions. */
export function transactionRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(create, (c) => {
      const body = c.req.valid('json');
      const { meta, id } = transferMeta(c, deps, { route: 'POST /v1/transactions', body });
      const { entries, reference, rate } = body;
      const metadata = rate === undefined ? body.metadata : { ...body.metadata, rate };
      const request = { ...meta, type: 'transaction' as const, id, entries, metadata };
      return createTransfer(c, deps.commands, { ...request, ...defined({ reference }) });
    })
    .openapi(get, async (c) => {
      await reachPosition(deps.waitForPosition, c.req.valid('query').min_position, 'transfers');
      const { id } = c.req.valid('param');
      return c.json(await findTransfer(c, deps, { id, kind: 'transaction' }), 200);
    });
}
