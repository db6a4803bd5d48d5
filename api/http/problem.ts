/** Errors as RFC 9457 problem details: thrown anywhere below a route, answered in one place. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Problem } from '../../contracts/http.ts';
import { PROBLEMS, type ProblemCode } from '../../contracts/problems.ts';
import { KEY_REUSED } from '../../domain/rejections.ts';
import { InvalidCursor } from '../../projector/queries/read-store.ts';
import { isConnectionError } from './connection-errors.ts';

export type ApiEnv = { Variables: { requestId: string } };

type ProblemOptions = {
  readonly detail?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the problem. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
};

/** Seconds after which a request that met a 503 is worth repeating. */
export const RETRY_AFTER = '1';

export class ProblemError extends HTTPException {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly detail: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, { detail, headers = {}, members = {}, cause }: ProblemOptions = {}) {
    super(PROBLEMS[code].status, { message: detail ?? PROBLEMS[code].title, cause });
    this.code = code;
    this.detail = detail;
    this.members = members;
    this.headers = PROBLEMS[code].status === 503 ? { 'Retry-After': RETRY_AFTER, ...headers } : headers;
  }
}

/** What is wrong where in a request. */
export type FieldError = NonNullable<Problem['errors']>[number];

/** A problem that says what is wrong where. */
export function invalidRequest(...errors: FieldError[]): ProblemError {
  const detail = errors
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ');
  return new ProblemError('invalid_request', { detail, members: { errors } });
}

/** The key of a request was used for another one. */
export function keyReused(): ProblemError {
  const { code, detail } = KEY_REUSED;
  return new ProblemError(code, { detail });
}

/** The one place where an exception becomes an answer. */
export function respondWithError(error: Error, c: Context<ApiEnv>): Response {
  return respondWithProblem(problemOf(error, c), c);
}

/** Answers with problem details. */
export function respondWithProblem(error: ProblemError, c: Context<ApiEnv>): Response {
  const { status } = PROBLEMS[error.code];
  const headers = { ...error.headers, 'Content-Type': 'application/problem+json' };
  const body = problemDocument(error, new URL(c.req.url).pathname);
  return c.body(body, status satisfies ContentfulStatusCode, headers);
}

/** The problem details, as JSON. What is no request has no path. */
export function problemDocument({ code, detail, members }: ProblemError, instance?: string): string {
  const { status, title } = PROBLEMS[code];
  // What is undefined is left out.
  return JSON.stringify({
    type: `urn:tallybook:problem:${code}`,
    title,
    status,
    code,
    detail,
    instance,
    ...members,
  });
}

/** What was not foreseen is logged whole and answered without internals. */
function problemOf(error: Error, c: Context<ApiEnv>): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof InvalidCursor) return new ProblemError('invalid_cursor');
  // Hono and its validators throw these for a body that cannot be read and for a content type that is not taken.
  if (error instanceof HTTPException && error.status === 415)
    return new ProblemError('unsupported_media_type');
  if (error instanceof HTTPException && error.status === 400) {
    return invalidRequest({ path: '', message: 'must be valid JSON' });
  }
  logError(error, c);
  return isConnectionError(error)
    ? new ProblemError('dependency_unavailable', { cause: error })
    : new ProblemError('internal_error', { cause: error });
}

function logError(error: Error, c: Context<ApiEnv>): void {
  const request = { request_id: c.get('requestId'), method: c.req.method, path: c.req.path };
  const cause = error.cause instanceof Error ? { cause: error.cause.stack } : {};
  console.error(JSON.stringify({ level: 'error', ...request, error: error.stack, ...cause }));
}
