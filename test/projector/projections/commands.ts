/** Commands for a test log, in short. */
import type { HoldCommand, HoldTerms } from '../../../domain/hold.ts';
import type { Command } from '../../../domain/ledger.ts';

/** When all of them are given. */
export const AT = '2026-01-01T00:00:00.000Z';
/** A time that is still to come then. */
export const LATER = '2026-06-01T00:00:00.000Z';

/**
 * A transfer with entries of its own, as in `alice -9, bob 5, fees 4 EUR`: what is above zero is credited, what is below
 * is debited.
 */
export function transaction(id: string, lines: string, reference?: string): Command {
  const entries = lines.split(', ').map((line) => {
    const [account = '', signed = '', currency = 'EUR'] = line.split(' ');
    const direction = signed.startsWith('-') ? ('debit' as const) : ('credit' as const);
    return { account, direction, amount: BigInt(signed.replace('-', '')), currency };
  });
  const described = { metadata: {}, requestedAt: AT, ...(reference === undefined ? {} : { reference }) };
  return { type: 'transfer', id, terms: { kind: 'transaction', entries, ...described } };
}

/** A reversal, of all that is left if no amount is given. */
export function reversal(id: string, reverses: string, amount?: bigint): Command {
  const terms = { metadata: {}, requestedAt: AT };
  return { type: 'reversal', id, reverses, terms, ...(amount === undefined ? {} : { amount }) };
}

/** What somebody does to a transfer that waits. */
export function step(id: string, what: Extract<Command, { type: 'step' }>['step']): Command {
  return { type: 'step', id, step: what };
}

/** Money of an account that is set aside, in EUR. */
export function placed(
  id: string,
  [account, amount]: readonly [string, bigint],
  { expiresAt, ...more }: Partial<HoldTerms> & { expiresAt?: string } = {},
): Command {
  const terms = { account, amount, currency: 'EUR', metadata: {}, requestedAt: AT, ...more };
  return held(id, { type: 'place', terms, ...(expiresAt === undefined ? {} : { expiresAt }) });
}

/** What becomes of a hold. */
export function held(id: string, what: HoldCommand): Command {
  return { type: 'hold', id, step: what, at: AT };
}
