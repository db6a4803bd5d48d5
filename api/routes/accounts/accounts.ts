/** Queries about accounts. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import {
  accountPage,
  accountResource,
  accountStatus,
  balancesResource,
  minPosition,
  pageQuery,
} from '../../../contracts/http.ts';
import { currency, owner } from '../../../contracts/values.ts';
import { etag } from '../../commands/execute.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import type { ApiEnv } from '../../http/problem.ts';
import { balancesAsOf, moment } from '../../queries/as-of.ts';
import { metadataFilter, metadataParameter } from '../../queries/metadata-filter.ts';
import { findAccount, queryTimeout, reachPosition } from '../../queries/read-your-writes.ts';

const query = { method: 'get' as const, tags: ['Accounts'], middleware: queryTimeout };

const list = createRoute({
  ...query,
  path: '/v1/accounts',
  operationId: 'listAccounts',
  parameters: [metadataParameter('accounts')],
  summary: 'List accounts',
  description: 'Returns the accounts that match all filters, oldest first.',
  request: {
    query: z.object({
      owner: doc.filter(owner, 'Only accounts of this owner.'),
      status: doc.filter(accountStatus, 'Only accounts with this status.'),
      currency: doc.filter(currency, 'Only accounts in this currency.'),
      ...pageQuery,
      min_position: minPosition,
    }),
  },
  responses: {
    200: doc.json('A page of accounts.', accountPage),
    ...doc.problems('invalid_cursor', 'position_not_reached'),
  },
});

const get = createRoute({
  ...query,
  path: '/v1/accounts/{id}',
  operationId: 'getAccount',
  summary: 'Get an account',
  description: 'Returns the account with its current balances.',
  request: { params: doc.idParam, query: z.object({ min_position: minPosition }) },
  responses: {
    200: doc.json('The account.', accountResource, doc.ETAG),
    ...doc.problems('account_not_found', 'position_not_reached'),
  },
});

const balances = createRoute({
  ...query,
  path: '/v1/accounts/{id}/balances',
  operationId: 'getBalances',
  summary: 'Get the balances of an account',
  description: 'Returns the current balances, or with `at` those as of a log position or a time.',
  request: { params: doc.idParam, query: z.object({ at: moment, min_position: minPosition }) },
  responses: {
    200: doc.json('The balances.', balancesResource, doc.POSITION),
    ...doc.problems('account_not_found', 'position_not_reached'),
  },
});

/** The routes of queries about accounts. */
export function accountRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(list, async (c) => {
      const { limit, cursor, min_position, ...fields } = c.req.valid('query');
      const filter = { ...fields, metadata: metadataFilter(c.req.queries()) };
      await reachPosition(deps.waitForPosition, min_position, 'balances');
      return c.json(await deps.readStore.accounts(filter, { limit, cursor }), 200);
    })
    .openapi(get, async (c) => {
      await reachPosition(deps.waitForPosition, c.req.valid('query').min_position, 'balances');
      const account = await findAccount(deps, c.req.valid('param').id);
      return c.json(account, 200, { ETag: etag(account) });
    })
    .openapi(balances, async (c) => {
      const { at, min_position } = c.req.valid('query');
      await reachPosition(deps.waitForPosition, min_position, 'balances');
      if (at !== undefined) {
        const then = await balancesAsOf(deps, c.req.valid('param').id, at);
        return c.json(then, 200, { 'Ledger-Position': String(then.position) });
      }
      // Read before the balances, so that what it promises is in them.
      const position = await deps.readStore.position('balances');
      const account = await findAccount(deps, c.req.valid('param').id);
      const { id, currency: code } = account;
      const headers = { 'Ledger-Position': String(position) };
      return c.json({ account: id, currency: code, ...account.balances, position }, 200, headers);
    });
}
