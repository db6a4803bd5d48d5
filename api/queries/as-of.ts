/** Balances as they were: straight from the log, where every event of an account carries the state after it. */
import { z } from '@hono/zod-openapi';
import { positionInQuery, type Balances } from '../../contracts/http.ts';
import { time } from '../../contracts/values.ts';
import { untouchedWorldAccount } from '../../messages/mapping/resources.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { ProblemError } from '../http/problem.ts';

/** A log position, or a time; what happened then is included. */
export const moment = z.union([positionInQuery, time]).optional().meta({
  description:
    'A log position, or a time (RFC 3339 in UTC). The balances include every event up to that moment.',
  example: '2026-01-31T23:59:59.999Z',
});

/**
 * The balances of an account as of a moment. `position` is that of its last event by then; 0 if there was none.
 * @throws ProblemError if the account did not exist then.
 */
export async function balancesAsOf(
  { events }: Pick<ApiDependencies, 'events'>,
  account: string,
  at: number | string,
): Promise<Balances> {
  // Times are compared as text, and events have milliseconds.
  const then = typeof at === 'number' ? { position: at } : { time: new Date(at).toISOString() };
  const event = await events.lastOf(account, then);
  if (event) {
    const { currency, balances } = event.data;
    return { account, currency, ...balances, position: event.position };
  }
  const world = untouchedWorldAccount(account);
  if (world) return { account, currency: world.currency, ...world.balances, position: 0 };
  throw new ProblemError('account_not_found', { detail: `Account ${account} did not exist at ${at}.` });
}
