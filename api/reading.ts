/** What queries share: how long they may take, read-your-writes, and things that are not in the read model yet. */
import type { MiddlewareHandler } from 'hono';
import { timeout } from 'hono/timeout';
import { isWorldAccount } from '../domain/account.ts';
import type { AccountResource } from '../contracts/http.ts';
import { untouchedWorldAccount } from '../contracts/resources.ts';
import { currency } from '../contracts/values.ts';
import type { ReadStore } from '../projector/read-store.ts';
import type { Commands } from './commands.ts';
import { ProblemError, type ApiEnv } from './problem.ts';

/** A query that waits for a position and then for a slow server still ends within 10 s. */
const QUERY_MAX_MS = 8_000;
const POSITION_WAIT_MS = 5_000;

/** Ends a query that a server keeps waiting. */
export const queryTimeout: MiddlewareHandler<ApiEnv> = timeout(
  QUERY_MAX_MS,
  () =>
    new ProblemError('dependency_unavailable', {
      detail: `No answer within ${QUERY_MAX_MS / 1000} seconds.`,
    }),
);

/**
 * Waits until the read model shows a position, if one was asked for.
 * @throws ProblemError if it does not in time.
 */
export async function reachPosition(
  wait: (position: number, timeoutMs: number) => Promise<boolean>,
  position: number | undefined,
): Promise<void> {
  if (position === undefined || (await wait(position, POSITION_WAIT_MS))) return;
  const detail = `The read model has not reached position ${position} within ${POSITION_WAIT_MS / 1000} seconds.`;
  throw new ProblemError('position_not_reached', { detail });
}

/**
 * An account: from the read model, or the world account that nothing has touched, or from the command that is
 * just making it.
 * @throws ProblemError if there is none.
 */
export async function findAccount(
  { readStore, commands }: { readStore: ReadStore; commands: Commands },
  id: string,
): Promise<AccountResource> {
  const account = (await readStore.account(id)) ?? worldAccount(id);
  if (account !== undefined) return account;
  const command = await commands.find({ type: 'account', id });
  if (command?.type === 'answered' && command.answer.account !== undefined) return command.answer.account;
  throw new ProblemError('account_not_found', { detail: `There is no account ${id}.` });
}

/** Every currency has its world account, and no other code has. */
function worldAccount(id: string): AccountResource | undefined {
  const code = id.slice('world_'.length);
  return isWorldAccount(id) && currency.safeParse(code).success ? untouchedWorldAccount(id) : undefined;
}
