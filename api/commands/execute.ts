/** Carries out a command and answers HTTP with its result. A rejection or an error is thrown as a problem. */
import type { Context } from 'hono';
import type { AccountResource, TransferResource } from '../../contracts/http.ts';
import { defined } from '../../domain/optional-fields.ts';
import type { Rejection } from '../../domain/rejections.ts';
import { isWaiting } from '../../domain/transfer.ts';
import type {
  AccountRequest,
  CommandResult,
  DecisionRequest,
  CommandRequest,
  HoldRequest,
  ResolveRequest,
  TransferRequest,
} from '../../messages/commands.ts';
import { ProblemError, type ApiEnv } from '../http/problem.ts';
import type { Commands } from './commands.ts';

/** What a command came to, or that it will be carried out. */
type Execution<Resource> =
  | { readonly type: 'recorded'; readonly resource: Resource }
  | { readonly type: 'accepted'; readonly workflowId: string };

/** Carries out what makes a transfer: 201 if it is posted, 202 if it waits, or was not waited for. */
export async function createTransfer(c: Context<ApiEnv>, commands: Commands, request: TransferRequest) {
  const execution = await execute(c, commands, { request, about: ({ transfer }) => transfer });
  c.header('Location', locationOf(request));
  if (execution.type === 'accepted') return c.json(pendingTransfer(request, execution.workflowId), 202);
  const { resource } = execution;
  return isWaiting(resource.status) ? c.json(resource, 202) : c.json(resource, 201);
}

/** Carries out what people do to a transfer that waits. */
export async function changeTransfer(
  c: Context<ApiEnv>,
  commands: Commands,
  request: DecisionRequest | ResolveRequest,
) {
  const execution = await execute(c, commands, { request, about: ({ transfer }) => transfer });
  return execution.type === 'accepted'
    ? acceptedFor(c, request, execution.workflowId)
    : c.json(execution.resource, 200);
}

/** Carries out what places a hold. */
export async function placeHold(c: Context<ApiEnv>, commands: Commands, request: HoldRequest) {
  const execution = await execute(c, commands, { request, about: ({ hold }) => hold });
  if (execution.type === 'accepted') return acceptedFor(c, request, execution.workflowId);
  c.header('Location', locationOf(request));
  return c.json(execution.resource, 201);
}

/** Carries out what changes or ends a hold. */
export async function changeHold(c: Context<ApiEnv>, commands: Commands, request: HoldRequest) {
  const execution = await execute(c, commands, { request, about: ({ hold }) => hold });
  return execution.type === 'accepted'
    ? acceptedFor(c, request, execution.workflowId)
    : c.json(execution.resource, 200);
}

/** Carries out what opens an account. */
export async function createAccount(c: Context<ApiEnv>, commands: Commands, request: AccountRequest) {
  const execution = await execute(c, commands, { request, about: ({ account }) => account });
  if (execution.type === 'accepted') return acceptedFor(c, request, execution.workflowId);
  c.header('Location', locationOf(request));
  c.header('ETag', etag(execution.resource));
  return c.json(execution.resource, 201);
}

/** Carries out what changes an account. */
export async function changeAccount(c: Context<ApiEnv>, commands: Commands, request: AccountRequest) {
  const execution = await execute(c, commands, { request, about: ({ account }) => account });
  if (execution.type === 'accepted') return acceptedFor(c, request, execution.workflowId);
  c.header('ETag', etag(execution.resource));
  return c.json(execution.resource, 200);
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
      const optional = defined({ approval_expires_at, scheduled_for, rail, schedule, bulk });
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
 * @param about what of the result the command is about
 */
async function execute<Resource>(
  c: Context<ApiEnv>,
  commands: Commands,
  { request, about }: { request: CommandRequest; about: (result: CommandResult) => Resource | undefined },
): Promise<Execution<Resource>> {
  const outcome = await commands.carryOut(request, { wait: !prefersAsync(c) });
  switch (outcome.type) {
    case 'accepted':
      c.header('Preference-Applied', 'respond-async');
      return outcome;
    case 'error':
      throw rejectionProblem(outcome.rejection);
    case 'unavailable':
      throw new ProblemError(outcome.code, { detail: outcome.detail });
    case 'recorded': {
      const { result, replayed } = outcome;
      c.header('Ledger-Position', String(result.position));
      if (replayed && request.idempotency_key !== undefined) c.header('Idempotency-Replayed', 'true');
      const { rejection, transfer } = result;
      if (rejection)
        throw rejectionProblem(rejection, transfer === undefined ? {} : { transfer: transfer.id });
      const resource = about(result);
      if (resource === undefined) throw new Error('The result lacks the resource that its command is about.');
      return { type: 'recorded', resource };
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

function rejectionProblem({ code, detail }: Rejection, members: Record<string, string> = {}): ProblemError {
  return new ProblemError(code, { detail, members });
}

/** RFC 7240: preferences are separated by commas, and may have parameters. */
function prefersAsync(c: Context<ApiEnv>): boolean {
  const preferences = c.req.header('prefer')?.split(',') ?? [];
  return preferences.some((preference) => /^\s*respond-async\s*(;|$)/i.test(preference));
}
