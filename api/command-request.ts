/** From an HTTP request to the command that `Commands` carries out. */
import type { Context } from 'hono';
import type { CommandMeta } from '../contracts/commands.ts';
import type { TransferRequest } from './commands.ts';
import { fingerprint, optionalKey, requiredKey, type IdempotencyKey } from './idempotency.ts';
import type { ApiEnv } from './problem.ts';

type Sources = { readonly clock: () => Date; readonly newId: () => string };

type TransferTerms = Omit<TransferRequest, keyof CommandMeta | 'type' | 'id'>;

/** What was asked for, as far as its fingerprint goes. */
type Asked = { readonly route: string; readonly id?: string; readonly body: unknown };

/** A command that moves money. Its id and its fingerprint come from the key, which must be there. */
export function transferRequest(
  c: Context<ApiEnv>,
  deps: Sources,
  { terms, asked }: { terms: TransferTerms; asked: Asked },
): TransferRequest {
  const key = requiredKey(c.req.header('idempotency-key'));
  const id = key.transferId;
  return {
    type: 'transfer',
    id,
    ...terms,
    ...metaOf(c, deps, { key, command_id: id, fingerprint: fingerprint(asked.route, '', asked.body) }),
  };
}

/**
 * What an account command needs besides its own fields, and the id for an account that was given none. Without a
 * key every request is one of its own: that it asks for the same as another does not make it a retry.
 */
export function accountMeta(
  c: Context<ApiEnv>,
  deps: Sources,
  asked: Asked,
): { meta: CommandMeta; newAccountId: () => string } {
  const key = optionalKey(c.req.header('idempotency-key'));
  const command_id = key?.commandId ?? deps.newId();
  const body = key === undefined ? [asked.body, command_id] : asked.body;
  const identity = { key, command_id, fingerprint: fingerprint(asked.route, asked.id ?? '', body) };
  return {
    meta: metaOf(c, deps, identity),
    newAccountId: () => key?.accountId ?? `acc_${deps.newId().replaceAll('-', '')}`,
  };
}

function metaOf(
  c: Context<ApiEnv>,
  { clock }: Sources,
  { key, ...identity }: { key: IdempotencyKey | undefined } & Pick<CommandMeta, 'command_id' | 'fingerprint'>,
): CommandMeta {
  const traceparent = traceparentOf(c.req.header('traceparent'));
  return {
    ...identity,
    requested_at: clock().toISOString(),
    actor: 'anonymous',
    ...(key === undefined ? {} : { idempotency_key: key.keyHash }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** W3C Trace Context, version 00; a header that is not valid counts as absent, as the standard asks. */
function traceparentOf(header: string | undefined): string | undefined {
  const valid =
    header !== undefined && /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(header);
  return valid ? header : undefined;
}
