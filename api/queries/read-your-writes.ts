/** What queries share: how long they may take, read-your-writes, and things that are not in the read model yet. */
import type { Context, MiddlewareHandler } from 'hono';
import { timeout } from 'hono/timeout';
import type { AccountResource, HoldResource, TransferResource } from '../../contracts/http.ts';
import { currency } from '../../contracts/values.ts';
import { isWorldAccount } from '../../domain/account.ts';
import { makesTransfer } from '../../messages/commands.ts';
import { untouchedWorldAccount } from '../../messages/mapping/resources.ts';
import type { ProjectionName } from '../../projector/projections/projection.ts';
import type { ReadStore } from '../../projector/queries/read-store.ts';
import type { CommandInFlight, Commands } from '../commands/commands.ts';
import { pendingTransfer } from '../commands/execute.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { ProblemError, RETRY_AFTER, type ApiEnv } from '../http/problem.ts';

/** A query that waits for a position and then for a slow server still ends within 10 s. */
const QUERY_MAX_MS = 8_000;
const POSITION_WAIT_MS = 5_000;

/** Ends a query that a server keeps waiting. */
export const queryTimeout: MiddlewareHandler<ApiEnv> = timeout(
  QUERY_MAX_MS,
  () =>
    new ProblemError('dependency_unavailable', {
      detail: `The query took longer than ${QUERY_MAX_MS / 1000} seconds.`,
    }),
);

/**
 * Waits until the projection that a query reads shows a position, if one was asked for. No query reads two of them.
 * @throws ProblemError if it does not in time.
 */
export async function reachPosition(
  wait: ApiDependencies['waitForPosition'],
  position: number | undefined,
  projection?: ProjectionName,
): Promise<void> {
  if (position === undefined || (await wait(position, POSITION_WAIT_MS, projection))) return;
  const detail = `The read model did not reach position ${position} within ${POSITION_WAIT_MS / 1000} seconds.`;
  throw new ProblemError('position_not_reached', { detail });
}

type Sources = { readonly readStore: ReadStore; readonly commands: Commands };

/**
 * An account: from the read model, or the world account that nothing has touched, or from the command that is
 * just making it.
 * @throws ProblemError if there is none.
 */
export async function findAccount({ readStore, commands }: Sources, id: string): Promise<AccountResource> {
  const account = (await readStore.account(id)) ?? worldAccount(id);
  if (account !== undefined) return account;
  const command = await commands.find({ type: 'account', id });
  if (command?.type === 'recorded' && command.result.account !== undefined) return command.result.account;
  throw new ProblemError('account_not_found', { detail: `Account ${id} does not exist.` });
}

/** Every currency has its world account, and no other code has. */
function worldAccount(id: string): AccountResource | undefined {
  const code = id.slice('world_'.length);
  return isWorldAccount(id) && currency.safeParse(code).success ? untouchedWorldAccount(id) : undefined;
}

/**
 * A transfer, of one kind if one is given: from the read model, or from the command that is just making it.
 * @throws ProblemError if there is none.
 */
export async function findTransfer(
  c: Context<ApiEnv>,
  { readStore, commands }: Sources,
  { id, kind }: { id: string; kind?: TransferResource['kind'] },
): Promise<TransferResource> {
  const stored = await readStore.transfer(id);
  const command = stored ? undefined : await commands.find({ type: 'transfer', id });
  const transfer = stored ?? transferOf(command);
  if (transfer === undefined || transfer.kind !== (kind ?? transfer.kind)) {
    throw new ProblemError('transfer_not_found', {
      detail: `The ${kind ?? 'transfer'} ${id} does not exist.`,
    });
  }
  if (command?.type === 'running') c.header('Retry-After', RETRY_AFTER);
  return transfer;
}

function transferOf(command: CommandInFlight | undefined): TransferResource | undefined {
  if (command?.type === 'recorded') return command.result.transfer;
  if (command === undefined || !makesTransfer(command.request)) return undefined;
  return pendingTransfer(command.request, command.workflowId);
}

/**
 * A hold: from the read model, or from the command that has just placed it.
 * @throws ProblemError if there is none, or if nobody can say yet: what is not decided holds no money.
 */
export async function findHold({ readStore, commands }: Sources, id: string): Promise<HoldResource> {
  const stored = await readStore.hold(id);
  if (stored !== undefined) return stored;
  const command = await commands.find({ type: 'hold', id });
  if (command?.type === 'running') {
    throw new ProblemError('dependency_unavailable', {
      detail: `Hold ${id} is not in the read model yet. Try again.`,
    });
  }
  if (command?.result.hold !== undefined) return command.result.hold;
  throw new ProblemError('hold_not_found', { detail: `Hold ${id} does not exist.` });
}
