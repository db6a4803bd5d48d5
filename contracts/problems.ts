/**
 * Every error that HTTP can answer, as one table: RFC 9457 problem details with a stable `code`.
 * The domain knows no status codes; that each of its rejections stands here is checked by the types.
 */
import type { RejectionCode } from '../domain/rejections.ts';

type Entry = { readonly status: number; readonly title: string };

export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request is not valid.' },
  idempotency_key_missing: { status: 400, title: 'An Idempotency-Key header is required.' },
  invalid_cursor: { status: 400, title: 'The cursor is not one that this list gave.' },
  unauthenticated: { status: 401, title: 'The request does not prove who sends it.' },
  account_not_found: { status: 404, title: 'There is no such account.' },
  transfer_not_found: { status: 404, title: 'There is no such transfer.' },
  hold_not_found: { status: 404, title: 'There is no such hold.' },
  schedule_not_found: { status: 404, title: 'There is no such schedule.' },
  bulk_not_found: { status: 404, title: 'There is no such bulk.' },
  webhook_not_found: { status: 404, title: 'There is no such webhook.' },
  delivery_not_found: { status: 404, title: 'There is no such event to deliver.' },
  route_not_found: { status: 404, title: 'There is no such route.' },
  method_not_allowed: { status: 405, title: 'This route does not take that method.' },
  request_timeout: { status: 408, title: 'The request did not come whole in time.' },
  account_exists: { status: 409, title: 'An account with this id exists already.' },
  account_not_empty: { status: 409, title: 'The account is not empty.' },
  transfer_not_pending: { status: 409, title: 'The transfer does not wait for that.' },
  transfer_not_posted: { status: 409, title: 'The transfer has moved nothing that could be reversed.' },
  hold_not_active: { status: 409, title: 'The hold has ended.' },
  already_reversed: { status: 409, title: 'The transfer has been reversed.' },
  webhook_disabled: { status: 409, title: 'The webhook is disabled: nothing is sent to it.' },
  version_mismatch: { status: 412, title: 'The account has another version than If-Match says.' },
  payload_too_large: { status: 413, title: 'The body is too large.' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json.' },
  insufficient_funds: { status: 422, title: 'The account has less available than that.' },
  account_frozen: { status: 422, title: 'The account is frozen.' },
  account_closed: { status: 422, title: 'The account is closed.' },
  currency_mismatch: { status: 422, title: 'The currencies differ.' },
  same_account: { status: 422, title: 'Source and destination are the same account.' },
  entries_unbalanced: { status: 422, title: 'Debits and credits are not equal in each currency.' },
  amount_exceeds_hold: { status: 422, title: 'The hold holds less than that.' },
  amount_exceeds_transfer: { status: 422, title: 'Less than that can be reversed.' },
  rail_declined: { status: 422, title: 'The payment rail declined it.' },
  resolved_as_failed: { status: 422, title: 'An operator said that it did not go out.' },
  workflow_failed: { status: 422, title: 'Its workflow could not go on.' },
  amount_overflow: { status: 422, title: 'The balance would be too large to keep.' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key belongs to another request.' },
  precondition_required: { status: 428, title: 'An If-Match header is required.' },
  headers_too_large: { status: 431, title: 'The headers and the path are too large.' },
  internal_error: { status: 500, title: 'Something went wrong here.' },
  overloaded: { status: 503, title: 'Too much is waiting already.' },
  dependency_unavailable: { status: 503, title: 'A server that this needs does not answer.' },
  position_not_reached: { status: 503, title: 'The read model has not reached that position yet.' },
} as const satisfies Record<RejectionCode, Entry> & Record<string, Entry>;

export type ProblemCode = keyof typeof PROBLEMS;

/** True for a string that is the code of a problem. */
export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}
