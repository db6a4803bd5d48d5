/**
 * Why the ledger refuses a command. A rejection is data, never an exception.
 * The order is the order of precedence: where several apply, the first is given.
 */
export const REJECTIONS = [
  'account_exists',
  'account_not_found',
  'same_account',
  'currency_mismatch',
  'account_closed',
  'account_frozen',
  'insufficient_funds',
  'amount_overflow',
  'account_not_empty',
  'idempotency_key_reused',
] as const;

export type RejectionCode = (typeof REJECTIONS)[number];

export type Rejection = {
  readonly code: RejectionCode;
  /** A sentence for the person who reads the answer. */
  readonly detail: string;
};

/** Builds a rejection. */
export function rejection(code: RejectionCode, detail: string): Rejection {
  return { code, detail };
}

/** The one of two rejections that goes first by precedence. */
export function firstOf(a: Rejection, b: Rejection): Rejection {
  return REJECTIONS.indexOf(a.code) <= REJECTIONS.indexOf(b.code) ? a : b;
}
