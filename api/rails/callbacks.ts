/** What a payment rail says by itself: whether it is the rail that speaks, and what is done about what it says. */
import type { Context, MiddlewareHandler } from 'hono';
import type { TransferResource } from '../../contracts/http.ts';
import type { RailReport } from '../../contracts/rails.ts';
import type { CommandResult, RailReportRequest } from '../../messages/commands.ts';
import { distrust } from '../../rails/signature.ts';
import { fingerprint } from '../commands/idempotency.ts';
import type { ApiDependencies, RailDirectory } from '../dependencies.ts';
import { invalidRequest, ProblemError, type ApiEnv } from '../http/problem.ts';

/** Refuses to send money out through a rail that there is not. */
export function requireKnownRail({ names }: RailDirectory, rail: string | undefined): void {
  if (rail === undefined || names.includes(rail)) return;
  const known = names.length === 0 ? 'none is configured' : `known rails: ${names.join(', ')}`;
  throw invalidRequest({ path: 'rail', message: `must be a known payment rail; ${known}` });
}

/**
 * Lets through only what the rail has signed. It comes after what reads the body, and looks at the text that came, not
 * at what they were parsed to.
 */
export function onlySigned({ rails, clock }: ApiDependencies): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const rail = c.req.param('rail') ?? '';
    if (!rails.names.includes(rail)) {
      throw new ProblemError('route_not_found', { detail: `Payment rail ${rail} does not exist.` });
    }
    const body = await c.req.text();
    const why = distrust(rails.secret, { body, header: (name) => c.req.header(name) }, clock());
    if (why !== undefined) {
      const headers = { 'WWW-Authenticate': 'Webhook-Signature' };
      throw new ProblemError('unauthenticated', { detail: why, headers });
    }
    return next();
  };
}

/**
 * Passes on what a rail says of a payment, and gives what has become of the transfer. Whatever comes twice, or too late,
 * changes nothing; what contradicts the end that the transfer has come to is logged, for people to look at.
 */
export async function acceptCallback(
  c: Context<ApiEnv>,
  { commands, clock, newId }: ApiDependencies,
  report: { rail: string } & RailReport,
): Promise<TransferResource | undefined> {
  const { rail, id, state, reason } = report;
  // It is on its way: that is known already.
  if (state === 'accepted') return undefined;
  const request: RailReportRequest = {
    type: 'transfer.railReported',
    command_id: newId(),
    requested_at: clock().toISOString(),
    actor: `rail/${rail}`,
    fingerprint: fingerprint('POST /v1/rails/{rail}/callbacks', id, { rail, state }),
    id,
    rail,
    state,
    ...(reason ? { reason } : {}),
  };
  const outcome = await commands.carryOut(request, { wait: true });
  switch (outcome.type) {
    case 'recorded':
      return ended(c, outcome.result, report);
    case 'error':
      throw new ProblemError(outcome.rejection.code, { detail: outcome.rejection.detail });
    case 'unavailable':
      throw new ProblemError(outcome.code, { detail: outcome.detail });
    case 'accepted':
      throw new Error('What a rail says is waited for');
  }
}

const ENDS = { settled: 'posted', declined: 'failed' } as const;

function ended(
  c: Context<ApiEnv>,
  { position, transfer }: CommandResult,
  { rail, id, state }: { rail: string } & RailReport,
): TransferResource {
  if (!transfer) throw new Error('The result lacks the transfer that the callback is about.');
  c.header('Ledger-Position', String(position));
  const contradicts =
    (state === 'settled' || state === 'declined') &&
    transfer.status !== 'pending' &&
    transfer.status !== ENDS[state];
  if (contradicts) {
    const message = `The rail ${rail} reports transfer ${id} as ${state}, but it is ${transfer.status}. The callback was ignored.`;
    console.error(JSON.stringify({ level: 'warn', request_id: c.get('requestId'), message }));
  }
  return transfer;
}
