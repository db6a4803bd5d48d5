/** From the outcome of a command to an HTTP answer. A refusal is thrown as a problem. */
import type { Context } from 'hono';
import type { AccountResource, TransferResource } from '../../contracts/http.ts';
import { given } from '../../domain/optional-fields.ts';
import { isWaiting } from '../../domain/transfer.ts';
import type {
  AccountRequest,
  Answer,
  AnswerRequest,
  CommandRequest,
  HoldRequest,
  Refusal,
  ResolveRequest,
  TransferRequest,
} from '../../messages/commands.ts';
import { ProblemError, type ApiEnv } from '../http/problem.ts';
import type { Commands } from './commands.ts';

/** An answer that came, or the word that it will. */
type Settled<Resource> =
  | { readonly type: 'answered'; readonly resource: Resource }
  | { readonly type: 'accepted'; readonly workflowId: string };

/** Carries out what makes a transfer: 201 if it is posted, 202 if it waits, or was not waited for. */
export async function createTransfer(c: Context<ApiEnv>, commands: Commands, request: TransferRequest) {
  const settled = await settle(c, commands, { request, about: ({ transfer }) => transfer });
  c.header('Location', locationOf(request));
  if (settled.type === 'accepted') return c.json(pendingTransfer(request, settled.workflowId), 202);
  const { resource } = settled;
  return isWaiting(resource.status) ? c.json(resource, 202) : c.json(resource, 201);
}

/** Carries out what people do to a transfer that waits. */
export async function answerTransfer(
  c: Context<ApiEnv>,
  commands: Commands,
  request: AnswerRequest | ResolveRequest,
) {
  const settled = await settle(c, commands, { request, about: ({ transfer }) => transfer });
  return settled.type === 'accepted'
    ? acceptedFor(c, request, settled.workflowId)
    : c.json(settled.resource, 200);
}

/** Carries out what places a hold. */
export async function placeHold(c: Context<ApiEnv>, commands: Commands, request: HoldRequest) {
  const settled = await settle(c, commands, { request, about: ({ hold }) => hold });
  if (settled.type === 'accepted') return acceptedFor(c, request, settled.workflowId);
  c.header('Location', locationOf(request));
  return c.json(settled.resource, 201);
}

/** Carries out what changes or ends a hold. */
export async function changeHold(c: Context<ApiEnv>, commands: Commands, request: HoldRequest) {
  const settled = await settle(c, commands, { request, about: ({ hold }) => hold });
  return settled.type === 'accepted'
    ? acceptedFor(c, request, settled.workflowId)
    : c.json(settled.resource, 200);
}

/** Carries out what opens an account. */
export async function createAccount(c: Context<ApiEnv>, commands: Commands, request: AccountRequest) {
  const settled = await settle(c, commands, { request, about: ({ account }) => account });
  if (settled.type === 'accepted') return acceptedFor(c, request, settled.workflowId);
  c.header('Location', locationOf(request));
  c.header('ETag', etag(settled.resource));
  return c.json(settled.resource, 201);
}

/** Carries out what changes an account. */
export async function changeAccount(c: Context<ApiEnv>, commands: Commands, request: AccountRequest) {
  const settled = await settle(c, commands, { request, about: ({ account }) => account });
  if (settled.type === 'accepted') return acceptedFor(c, request, settled.workflowId);
  c.header('ETag', etag(settled.resource));
  return c.json(settled.resource, 200);
}

/** A transfer that is on its way: all that is known of it is what was asked for. */
export function pendingTransfer(request: TransferRequest, workflowId: string): TransferResource {
  return {
    id: request.id,
    ...termsOf(request),
    status: 'pending',
    reference: request.reference ?? null,
    metadata: request.metadata ?? {},
    created_at: request.requested_at,
    workflow_id: workflowId,
  };
}

/** What a reversal moves between whom, the transfer that it undoes knows. */
const UNKNOWN = { source: null, destination: null, amount: null, currency: null };

function termsOf(request: TransferRequest) {
  switch (request.type) {
    case 'transfer': {
      const { kind, source, destination, amount, currency } = request;
      const { approval_expires_at, scheduled_for, rail, schedule, bulk } = request;
      const optional = given({ approval_expires_at, scheduled_for, rail, schedule, bulk });
      return { kind, source, destination, amount, currency, ...optional };
    }
    case 'transaction':
      return { ...UNKNOWN, kind: request.type, entries: request.entries };
    case 'reversal': {
      const { type: kind, reverses, amount = null } = request;
      return { ...UNKNOWN, kind, amount, reverses };
    }
  }
}

/** The entity tag of an account: its version. */
export function etag(account: AccountResource): string {
  return `"${account.version}"`;
}

/**
 * Carries a command out.
 * @param about what of the answer the command is about
 */
async function settle<Resource>(
  c: Context<ApiEnv>,
  commands: Commands,
  { request, about }: { request: CommandRequest; about: (answer: Answer) => Resource | undefined },
): Promise<Settled<Resource>> {
  const outcome = await commands.carryOut(request, { wait: !prefersAsync(c) });
  switch (outcome.type) {
    case 'accepted':
      c.header('Preference-Applied', 'respond-async');
      return outcome;
    case 'refused':
      throw refusal(outcome.rejection);
    case 'unavailable':
      throw new ProblemError(outcome.code, { detail: outcome.detail });
    case 'answered': {
      const { answer, replayed } = outcome;
      c.header('Ledger-Position', String(answer.position));
      if (replayed && request.idempotency_key !== undefined) c.header('Idempotency-Replayed', 'true');
      const { rejection, transfer } = answer;
      if (rejection) throw refusal(rejection, transfer === undefined ? {} : { transfer: transfer.id });
      const resource = about(answer);
      if (resource === undefined) throw new Error('The answer lacks the resource that its command is about.');
      return { type: 'answered', resource };
    }
  }
}

function acceptedFor(c: Context<ApiEnv>, request: CommandRequest, workflowId: string) {
  c.header('Location', locationOf(request));
  return c.json({ id: request.id, workflow_id: workflowId }, 202);
}

/** Where the resource that a command is about can be read. */
function locationOf({ type, id }: CommandRequest): string {
  const [aggregate] = type.split('.');
  const collection = aggregate === 'reversal' ? 'transfers' : `${aggregate}s`;
  return `/v1/${collection}/${id}`;
}

function refusal({ code, detail }: Refusal, members: Record<string, string> = {}): ProblemError {
  return new ProblemError(code, { detail, members });
}

/** RFC 7240: preferences are separated by commas, and may have parameters. */
function prefersAsync(c: Context<ApiEnv>): boolean {
  const preferences = c.req.header('prefer')?.split(',') ?? [];
  return preferences.some((preference) => /^\s*respond-async\s*(;|$)/i.test(preference));
}
