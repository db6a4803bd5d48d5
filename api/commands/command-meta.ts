/** From an HTTP request to what every command carries besides its own fields. */
import type { Context } from 'hono';
import type { CommandMeta } from '../../messages/commands.ts';
import type { ApiEnv } from '../http/problem.ts';
import { fingerprint, optionalKey, requiredKey, type IdempotencyKey } from './idempotency.ts';

type Sources = { readonly clock: () => Date; readonly newId: () => string };

/** What was asked for, as far as its fingerprint goes: `id` is the one in the path. */
type RequestIdentity = { readonly route: string; readonly id?: string; readonly body: unknown };

/** For a command that makes a transfer: its id and its fingerprint come from the key, which must be there. */
export function transferMeta(
  c: Context<ApiEnv>,
  deps: Sources,
  request: RequestIdentity,
): { meta: CommandMeta; id: string } {
  const key = requiredKey(c.req.header('idempotency-key'));
  const id = key.transferId;
  return { id, meta: metaOf(c, deps, { key, command_id: id, fingerprint: fingerprintOf(request) }) };
}

/** For any other command that must have a key and leaves a receipt in the log. */
export function receiptMeta(
  c: Context<ApiEnv>,
  deps: Sources,
  request: RequestIdentity,
): { meta: CommandMeta; key: IdempotencyKey } {
  const { key, meta } = keyedMeta(c, deps, request);
  return { key, meta: { ...meta, receipt_id: key.transferId } };
}

/** For what must have a key and is remembered elsewhere. */
export function keyedMeta(
  c: Context<ApiEnv>,
  deps: Sources,
  request: RequestIdentity,
): { meta: CommandMeta; key: IdempotencyKey } {
  const key = requiredKey(c.req.header('idempotency-key'));
  return {
    key,
    meta: metaOf(c, deps, { key, command_id: key.commandId, fingerprint: fingerprintOf(request) }),
  };
}

/**
 * For a command that may go without a key, and the id for an account that was given none. Without a key every request
 * is one of its own: that it asks for the same as another does not make it a retry.
 */
export function commandMeta(
  c: Context<ApiEnv>,
  deps: Sources,
  request: RequestIdentity,
): { meta: CommandMeta; newAccountId: () => string } {
  const key = optionalKey(c.req.header('idempotency-key'));
  const command_id = key?.commandId ?? deps.newId();
  const identity = key === undefined ? { ...request, body: [request.body, command_id] } : request;
  const meta = metaOf(c, deps, { key, command_id, fingerprint: fingerprintOf(identity) });
  return {
    meta: key === undefined ? meta : { ...meta, receipt_id: key.transferId },
    newAccountId: () => key?.accountId ?? `acc_${deps.newId().replaceAll('-', '')}`,
  };
}

function fingerprintOf({ route, id = '', body }: RequestIdentity): string {
  return fingerprint(route, id, body);
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

/** The time that many seconds after a command arrived, RFC 3339. */
export function secondsAfter({ requested_at }: CommandMeta, seconds: number): string {
  return new Date(Date.parse(requested_at) + seconds * 1_000).toISOString();
}
