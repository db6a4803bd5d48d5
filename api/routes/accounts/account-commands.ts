/** Commands that create an account or change its status. */
import { createRoute, OpenAPIHono, type z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { createAccountBody, reasonBody } from '../../../contracts/http-bodies.ts';
import { acceptedCommand, accountResource } from '../../../contracts/http.ts';
import { isWorldAccount } from '../../../domain/account.ts';
import { defined } from '../../../domain/optional-fields.ts';
import { commandMeta } from '../../commands/command-meta.ts';
import { changeAccount, createAccount } from '../../commands/execute.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import * as doc from '../../http/openapi.ts';
import { invalidRequest, type ApiEnv } from '../../http/problem.ts';
import { optionalBody, requiredBody } from '../../http/validation.ts';

const accepted = doc.json('Accepted; will be carried out.', acceptedCommand, doc.ACCEPTED_HEADERS);
const headers = { ...doc.COMMAND_HEADERS, ...doc.ETAG };

const create = createRoute({
  method: 'post',
  path: '/v1/accounts',
  operationId: 'createAccount',
  tags: ['Accounts'],
  summary: 'Open an account',
  description: 'Opens an account in one currency. Without `id`, an id is generated.',
  middleware: requiredBody,
  parameters: [doc.idempotencyKeyHeader(false, 'create-1'), doc.preferHeader],
  request: { body: doc.body(createAccountBody) },
  responses: {
    201: doc.json('The new account.', accountResource, { ...headers, ...doc.LOCATION }),
    202: accepted,
    ...doc.problems(
      'account_exists',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
    ),
  },
});

const status = {
  method: 'post' as const,
  tags: ['Accounts'],
  middleware: optionalBody,
  request: { params: doc.idParam, body: { ...doc.body(reasonBody), required: false } },
};

const changed = { 200: doc.json('The updated account.', accountResource, headers), 202: accepted };

const PROBLEMS = [
  'account_not_found',
  'payload_too_large',
  'unsupported_media_type',
  'account_closed',
  'idempotency_key_reused',
] as const;

const freeze = createRoute({
  ...status,
  path: '/v1/accounts/{id}/freeze',
  operationId: 'freezeAccount',
  summary: 'Freeze an account',
  description: 'Money can still arrive, but none can leave or be held until the account is unfrozen.',
  parameters: [doc.idempotencyKeyHeader(false, 'freeze-1'), doc.preferHeader],
  responses: { ...changed, ...doc.problems(...PROBLEMS) },
});

const unfreeze = createRoute({
  ...status,
  path: '/v1/accounts/{id}/unfreeze',
  operationId: 'unfreezeAccount',
  summary: 'Unfreeze an account',
  description: 'Opens a frozen account again.',
  parameters: [doc.idempotencyKeyHeader(false, 'unfreeze-1'), doc.preferHeader],
  responses: { ...changed, ...doc.problems(...PROBLEMS) },
});

const close = createRoute({
  ...status,
  path: '/v1/accounts/{id}/close',
  operationId: 'closeAccount',
  summary: 'Close an account',
  description: 'Closes the account for good. It must be empty: nothing posted and nothing held.',
  parameters: [doc.idempotencyKeyHeader(false, 'close-1'), doc.preferHeader],
  responses: { ...changed, ...doc.problems(...PROBLEMS, 'account_not_empty') },
});

/** The routes of account commands. */
export function accountCommandRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(create, (c) => {
      const { id: chosen, ...body } = c.req.valid('json');
      const identity = { route: 'POST /v1/accounts', body: c.req.valid('json') };
      const { meta, newAccountId } = commandMeta(c, deps, identity);
      const id = chosen ?? newAccountId();
      return createAccount(c, deps.commands, { ...meta, type: 'account.create', id, ...body });
    })
    .openapi(freeze, (c) => {
      return changeStatus(c, deps, { ...c.req.valid('param'), action: 'freeze', body: c.req.valid('json') });
    })
    .openapi(unfreeze, (c) => {
      return changeStatus(c, deps, {
        ...c.req.valid('param'),
        action: 'unfreeze',
        body: c.req.valid('json'),
      });
    })
    .openapi(close, (c) => {
      return changeStatus(c, deps, { ...c.req.valid('param'), action: 'close', body: c.req.valid('json') });
    });
}

type StatusChange = {
  id: string;
  action: 'freeze' | 'unfreeze' | 'close';
  body: z.infer<typeof reasonBody>;
};

function changeStatus(c: Context<ApiEnv>, deps: ApiDependencies, { id, action, body }: StatusChange) {
  if (isWorldAccount(id)) throw invalidRequest({ path: 'id', message: 'must not be a world account' });
  const { meta } = commandMeta(c, deps, { route: `POST /v1/accounts/{id}/${action}`, id, body });
  return changeAccount(c, deps.commands, { ...meta, type: `account.${action}`, id, ...defined(body) });
}
