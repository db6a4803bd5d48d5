/**
 * Every error that HTTP can respond with, as one table: RFC 9457 problem details with a stable `code` and a stable title.
 * The domain knows no status codes; that each of its rejections stands here is checked by the types.
 */
import type { RejectionCode } from '../domain/rejections.ts';

type Entry = { readonly status: number; readonly title: string };

export const PROBLEMS = {
  invalid_request: { status: 400, title: 'Invalid request' },
  idempotency_key_missing: { status: 400, title: 'Missing Idempotency-Key header' },
  invalid_cursor: { status: 400, title: 'Invalid cursor' },
  unauthenticated: { status: 401, title: 'Authentication failed' },
  account_not_found: { status: 404, title: 'Account not found' },
  transfer_not_found: { status: 404, title: 'Transfer not found' },
  hold_not_found: { status: 404, title: 'Hold not found' },
  schedule_not_found: { status: 404, title: 'Schedule not found' },
  bulk_not_found: { status: 404, title: 'Bulk transfer not found' },
  webhook_not_found: { status: 404, title: 'Webhook not found' },
  delivery_not_found: { status: 404, title: 'Delivery not found' },
  route_not_found: { status: 404, title: 'Route not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'Request timeout' },
  account_exists: { status: 409, title: 'Account already exists' },
  account_not_empty: { status: 409, title: 'Account not empty' },
  transfer_not_pending: { status: 409, title: 'Transfer not waiting for this step' },
  transfer_not_posted: { status: 409, title: 'Transfer not posted' },
  hold_not_active: { status: 409, title: 'Hold not active' },
  already_reversed: { status: 409, title: 'Transfer already reversed' },
  webhook_disabled: { status: 409, title: 'Webhook disabled' },
  version_mismatch: { status: 412, title: 'Account version mismatch' },
  payload_too_large: { status: 413, title: 'Request body too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  insufficient_funds: { status: 422, title: 'Insufficient available balance' },
  account_frozen: { status: 422, title: 'Account frozen' },
  account_closed: { status: 422, title: 'Account closed' },
  currency_mismatch: { status: 422, title: 'Currency mismatch' },
  same_account: { status: 422, title: 'Identical source and destination' },
  entries_unbalanced: { status: 422, title: 'Unbalanced entries' },
  amount_exceeds_hold: { status: 422, title: 'Amount exceeds the hold' },
  amount_exceeds_transfer: { status: 422, title: 'Amount exceeds the reversible amount' },
  rail_declined: { status: 422, title: 'Declined by the payment rail' },
  resolved_as_failed: { status: 422, title: 'Resolved as failed by an operator' },
  workflow_failed: { status: 422, title: 'Workflow failed' },
  amount_overflow: { status: 422, title: 'Balance exceeds the maximum' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused for another request' },
  precondition_required: { status: 428, title: 'Missing If-Match header' },
  headers_too_large: { status: 431, title: 'Request headers too large' },
  internal_error: { status: 500, title: 'Internal error' },
  overloaded: { status: 503, title: 'Service overloaded' },
  dependency_unavailable: { status: 503, title: 'A required service is unavailable' },
  position_not_reached: { status: 503, title: 'Position not reached in time' },
} as const satisfies Record<RejectionCode, Entry> & Record<string, Entry>;

export type ProblemCode = keyof typeof PROBLEMS;

/** True for a string that is the code of a problem. */
export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}
