/**
 * Tells a server that does not answer from a bug. Drivers of three servers report it in three ways and the API
 * imports none of them, so this goes by the names and codes that they document.
 */

/** `error.code`: Node's sockets, then the `postgres` driver. */
const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
]);

/** SQLSTATE: connection exceptions, too many connections, shutting down or starting up. */
const SQL_STATES = /^(08...|53300|57P0[123])$/;

/** gRPC: cancelled, deadline exceeded, unavailable. */
const GRPC_CODES = new Set([1, 4, 14]);

/** `error.name` in `eventlog/` and `projector/`, in `@nats-io`, and of `AbortSignal.timeout`. */
const NAMES = new Set([
  'LogUnavailable',
  'LogDamaged',
  'ReadModelUnavailable',
  'ClosedConnectionError',
  'ConnectionError',
  'DrainingConnectionError',
  'NoResponders',
  'RequestError',
  'TimeoutError',
]);

/** True if an error, or what caused it, says that a server cannot be reached or does not answer in time. */
export function isConnectionError(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    const code: unknown = 'code' in cause ? cause.code : undefined;
    if (NAMES.has(cause.name)) return true;
    if (typeof code === 'string' && (CODES.has(code) || SQL_STATES.test(code))) return true;
    if (typeof code === 'number' && GRPC_CODES.has(code)) return true;
  }
  return false;
}
