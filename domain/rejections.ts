/**
 * Why the ledger refuses a command. A rejection is data, never an exception.
 * The order is the order of precedence: where several apply, the first is given.
 */
export const REJECTIONS = [
  'account_exists',
  'account_not_found',
  'transfer_not_found',
  'hold_not_found',
  'version_mismatch',
  'transfer_not_pending',
  'transfer_not_posted',
  'hold_not_active',
  'already_reversed',
  'same_account',
  'entries_unbalanced',
  'currency_mismatch',
  'amount_exceeds_hold',
  'amount_exceeds_transfer',
  'account_closed',
  'account_frozen',
  'insufficient_funds',
  'amount_overflow',
  'account_not_empty',
  'rail_declined',
  'resolved_as_failed',
  'workflow_failed',
  'idempotency_key_reused',
] as const;

export type RejectionCode = (typeof REJECTIONS)[number];

export type Rejection = {
  readonly code: RejectionCode;
  /** A sentence for the person who reads the response. */
  readonly detail: string;
};

/** These say that there is nothing, or nothing any more, to do the command to: no trace is left of having asked. */
const WITHOUT_TRACE: ReadonlySet<RejectionCode> = new Set([
  'account_exists',
  'account_not_found',
  'transfer_not_found',
  'hold_not_found',
  'version_mismatch',
  'transfer_not_pending',
  'transfer_not_posted',
  'hold_not_active',
  'already_reversed',
  'account_not_empty',
  'idempotency_key_reused',
]);

/** True for a rejection that is a business outcome: it is recorded, and the same command gets it again for ever. */
export function isRecorded({ code }: Rejection): boolean {
  return !WITHOUT_TRACE.has(code);
}

/** Builds a rejection. */
export function rejection(code: RejectionCode, detail: string): Rejection {
  return { code, detail };
}

/** The key of a request means another one already. */
export const KEY_REUSED = rejection(
  'idempotency_key_reused',
  'This Idempotency-Key was already used for another request.',
);

/** The one of two rejections that goes first by precedence. */
export function firstOf(a: Rejection, b: Rejection): Rejection {
  return REJECTIONS.indexOf(a.code) <= REJECTIONS.indexOf(b.code) ? a : b;
}
