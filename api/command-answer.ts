/** From the outcome of a command to an HTTP answer. */
import type { Context } from 'hono';
import type { Answer, CommandMeta, Refusal } from '../contracts/commands.ts';
import type { AccountResource, TransferResource } from '../contracts/http.ts';
import type { AccountRequest, CommandOutcome, Commands, TransferRequest } from './commands.ts';
import { ProblemError, type ApiEnv } from './problem.ts';

/** An answer that came, or the word that it will. */
type Settled<Resource> =
  | { readonly type: 'answered'; readonly resource: Resource }
  | { readonly type: 'accepted'; readonly workflowId: string };

/** Carries a transfer out and says what came of it. Its refusal is thrown as a problem. */
export async function carryOutTransfer(
  c: Context<ApiEnv>,
  commands: Commands,
  request: TransferRequest,
): Promise<Settled<TransferResource>> {
  const outcome = await commands.carryOut(request, { wait: !prefersAsync(c) });
  const settled = settle(c, outcome, request);
  c.header('Location', `/v1/transfers/${request.id}`);
  return settled.type === 'accepted'
    ? settled
    : { type: 'answered', resource: present(settled.answer.transfer) };
}

/** Carries an account command out and says what came of it. Its refusal is thrown as a problem. */
export async function carryOutAccountCommand(
  c: Context<ApiEnv>,
  commands: Commands,
  request: AccountRequest,
): Promise<Settled<AccountResource>> {
  const outcome = await commands.carryOut(request, { wait: !prefersAsync(c) });
  const settled = settle(c, outcome, request);
  if (settled.type === 'accepted') {
    c.header('Location', `/v1/accounts/${request.id}`);
    return settled;
  }
  const account = present(settled.answer.account);
  c.header('ETag', etag(account));
  return { type: 'answered', resource: account };
}

/** A transfer that is on its way: all that is known of it is what was asked for. */
export function pendingTransfer(request: TransferRequest, workflowId: string): TransferResource {
  const { id, kind, source, destination, amount, currency } = request;
  return {
    id,
    kind,
    status: 'pending',
    source,
    destination,
    amount,
    currency,
    reference: request.reference ?? null,
    metadata: request.metadata ?? {},
    created_at: request.requested_at,
    workflow_id: workflowId,
  };
}

/** The entity tag of an account: its version. */
export function etag(account: AccountResource): string {
  return `"${account.version}"`;
}

function settle(
  c: Context<ApiEnv>,
  outcome: CommandOutcome,
  request: CommandMeta,
): { type: 'answered'; answer: Answer } | { type: 'accepted'; workflowId: string } {
  if (outcome.type === 'accepted') {
    c.header('Preference-Applied', 'respond-async');
    return outcome;
  }
  if (outcome.type === 'refused') throw refusal(outcome.rejection);
  if (outcome.type === 'unavailable') throw new ProblemError(outcome.code, { detail: outcome.detail });
  const { answer, replayed } = outcome;
  c.header('Ledger-Position', String(answer.position));
  if (replayed && request.idempotency_key !== undefined) c.header('Idempotency-Replayed', 'true');
  if (answer.rejection === undefined) return { type: 'answered', answer };
  throw refusal(answer.rejection, answer.transfer === undefined ? {} : { transfer: answer.transfer.id });
}

function refusal({ code, detail }: Refusal, members: Record<string, string> = {}): ProblemError {
  return new ProblemError(code, { detail, members });
}

/** RFC 7240: preferences are separated by commas, and may have parameters. */
function prefersAsync(c: Context<ApiEnv>): boolean {
  const preferences = c.req.header('prefer')?.split(',') ?? [];
  return preferences.some((preference) => /^\s*respond-async\s*(;|$)/i.test(preference));
}

function present<Resource>(resource: Resource | undefined): Resource {
  if (resource === undefined) throw new Error('The answer lacks the resource that its command is about.');
  return resource;
}
