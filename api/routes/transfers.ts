/** Queries about transfers. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import {
  minPosition,
  pageQuery,
  transferPage,
  transferResource,
  transferStatus,
  type TransferResource,
} from '../../contracts/http.ts';
import { id, reference } from '../../contracts/values.ts';
import { pendingTransfer } from '../command-answer.ts';
import type { CommandInFlight } from '../commands.ts';
import type { ApiDependencies } from '../dependencies.ts';
import * as doc from '../openapi.ts';
import { ProblemError, RETRY_AFTER, type ApiEnv } from '../problem.ts';
import { queryTimeout, reachPosition } from '../reading.ts';

const query = { method: 'get' as const, tags: ['Transfers'], middleware: queryTimeout };

const list = createRoute({
  ...query,
  path: '/v1/transfers',
  operationId: 'listTransfers',
  summary: 'List transfers, newest first',
  request: {
    query: z.object({
      account: doc.filter(id, 'Transfers from or to this account.'),
      status: doc.filter(transferStatus, 'Transfers in this status.'),
      reference: doc.filter(reference, 'Transfers with this reference.'),
      ...pageQuery,
      min_position: minPosition,
    }),
  },
  responses: {
    200: doc.json('A page of transfers.', transferPage),
    ...doc.problems('invalid_cursor', 'position_not_reached'),
  },
});

const get = createRoute({
  ...query,
  path: '/v1/transfers/{id}',
  operationId: 'getTransfer',
  summary: 'Get a transfer',
  request: { params: doc.idParam, query: z.object({ min_position: minPosition }) },
  responses: {
    200: doc.json('The transfer.', transferResource),
    ...doc.problems('transfer_not_found', 'position_not_reached'),
  },
});

/** The routes of queries about transfers. */
export function transferRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(list, async (c) => {
      const { limit, cursor, min_position, ...filter } = c.req.valid('query');
      await reachPosition(deps.waitForPosition, min_position);
      return c.json(await deps.readStore.transfers(filter, { limit, cursor }), 200);
    })
    .openapi(get, async (c) => {
      const transferId = c.req.valid('param').id;
      await reachPosition(deps.waitForPosition, c.req.valid('query').min_position);
      const stored = await deps.readStore.transfer(transferId);
      if (stored !== undefined) return c.json(stored, 200);
      const transfer = inFlight(await deps.commands.find({ type: 'transfer', id: transferId }));
      if (transfer === undefined) {
        throw new ProblemError('transfer_not_found', { detail: `There is no transfer ${transferId}.` });
      }
      if (transfer.status === 'pending') c.header('Retry-After', RETRY_AFTER);
      return c.json(transfer, 200);
    });
}

/** A transfer that the read model does not show yet. */
function inFlight(command: CommandInFlight | undefined): TransferResource | undefined {
  if (command?.type === 'answered') return command.answer.transfer;
  if (command?.request.type !== 'transfer') return undefined;
  return pendingTransfer(command.request, command.workflowId);
}
