/** The command that changes what is kept of an account. */
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { updateAccountBody } from '../../../contracts/http-bodies.ts';
import { acceptedCommand, accountResource } from '../../../contracts/http.ts';
import { isWorldAccount } from '../../../domain/account.ts';
import { defined } from '../../../domain/optional-fields.ts';
import { commandMeta } from '../../commands/command-meta.ts';
import { changeAccount } from '../../commands/execute.ts';
import type { ApiDependencies } from '../../dependencies.ts';
import { requiredVersion } from '../../http/if-match.ts';
import * as doc from '../../http/openapi.ts';
import { invalidRequest, type ApiEnv } from '../../http/problem.ts';
import { requiredBody } from '../../http/validation.ts';

const update = createRoute({
  method: 'patch',
  path: '/v1/accounts/{id}',
  operationId: 'updateAccount',
  tags: ['Accounts'],
  summary: 'Change the overdraft limit of an account',
  description: 'The account must have the version that `If-Match` names.',
  middleware: requiredBody,
  parameters: [doc.ifMatchHeader, doc.idempotencyKeyHeader(false, 'update-1'), doc.preferHeader],
  request: { params: doc.idParam, body: doc.body(updateAccountBody) },
  responses: {
    200: doc.json('The updated account.', accountResource, { ...doc.COMMAND_HEADERS, ...doc.ETAG }),
    202: doc.json('Accepted; will be carried out.', acceptedCommand, doc.ACCEPTED_HEADERS),
    ...doc.problems(
      'account_not_found',
      'version_mismatch',
      'payload_too_large',
      'unsupported_media_type',
      'account_closed',
      'insufficient_funds',
      'idempotency_key_reused',
      'precondition_required',
    ),
  },
});

/** The route that changes an account. */
export function accountUpdateRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>().openapi(update, (c) => {
    const { id } = c.req.valid('param');
    const body = c.req.valid('json');
    if (isWorldAccount(id)) throw invalidRequest({ path: 'id', message: 'must not be a world account' });
    const if_version = requiredVersion(c.req.header('if-match'));
    // The key stands for the change: a retry that has read the account anew in between is still a retry.
    const { meta } = commandMeta(c, deps, { route: 'PATCH /v1/accounts/{id}', id, body });
    const request = { ...meta, type: 'account.update' as const, id, ...body, ...defined({ if_version }) };
    return changeAccount(c, deps.commands, request);
  });
}
