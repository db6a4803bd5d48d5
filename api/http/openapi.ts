/** The parts that the routes' descriptions share. */
import { z } from 'zod';
import { problem } from '../../contracts/http.ts';
import { PROBLEMS, type ProblemCode } from '../../contracts/problems.ts';
import { id } from '../../contracts/values.ts';

type ProblemResponse = {
  description: string;
  content: { 'application/problem+json': { schema: typeof problem } };
  headers?: ResponseHeaders;
};

type ProblemResponses<Code extends ProblemCode> = {
  [C in Code as (typeof PROBLEMS)[C]['status']]: ProblemResponse;
};

/** Any request may meet these. */
type Always = 'invalid_request' | 'internal_error' | 'overloaded' | 'dependency_unavailable';
const ALWAYS: readonly Always[] = [
  'invalid_request',
  'internal_error',
  'overloaded',
  'dependency_unavailable',
];

/** What may stand in the way of money that goes from one account to another, or is held for that. */
export const POSTING_PROBLEMS = [
  'account_not_found',
  'payload_too_large',
  'unsupported_media_type',
  'same_account',
  'currency_mismatch',
  'account_closed',
  'account_frozen',
  'insufficient_funds',
  'amount_overflow',
  'idempotency_key_reused',
] as const;

/** The problems that a route can answer, by status. */
export function problems<Code extends ProblemCode>(...codes: Code[]): ProblemResponses<Code | Always>;
export function problems(...codes: ProblemCode[]): Record<number, ProblemResponse> {
  const responses: Record<number, ProblemResponse> = {};
  for (const code of [...ALWAYS, ...codes]) {
    const { status, title } = PROBLEMS[code];
    const others = responses[status] === undefined ? '' : `${responses[status].description}\n\n`;
    responses[status] = {
      description: `${others}\`${code}\`: ${title}`,
      content: { 'application/problem+json': { schema: problem } },
      ...(status === 503
        ? { headers: { 'Retry-After': header('Seconds to wait before the next attempt.', 'integer') } }
        : {}),
    };
  }
  return responses;
}

/** A JSON answer. */
export function json<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  headers: ResponseHeaders = {},
): { description: string; content: { 'application/json': { schema: Schema } }; headers: ResponseHeaders } {
  return { description, content: { 'application/json': { schema } }, headers };
}

/** A JSON body. */
export function body<Schema extends z.ZodType>(
  schema: Schema,
): { required: true; content: { 'application/json': { schema: Schema } } } {
  return { required: true, content: { 'application/json': { schema } } };
}

/** `{id}` in the path. */
export const idParam = z.object({ id });

/** An optional query parameter. It has no example: the docs page would send it along. */
export function filter<Schema extends z.ZodType>(schema: Schema, description: string): z.ZodOptional<Schema> {
  return schema.optional().meta({ description, example: undefined });
}

/** Request headers are read where they are needed, after the body, so zod does not validate them: this describes them. */
export function idempotencyKeyHeader(required: boolean, example: string): HeaderParameter {
  const description =
    'Identifies the command: a repeat with the same key and body gets the recorded result. Bare or in quotes.';
  return {
    name: 'Idempotency-Key',
    in: 'header',
    required,
    description,
    example,
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  };
}

export const preferHeader: HeaderParameter = {
  name: 'Prefer',
  in: 'header',
  required: false,
  description: '`respond-async`: respond with 202 as soon as the command is stored durably.',
  schema: { type: 'string' },
};

export const lastEventIdHeader: HeaderParameter = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description:
    'Resumes a live stream after this event id. Takes precedence over `after`. An `EventSource` sends it automatically.',
  schema: { type: 'string' },
};

export const ifMatchHeader: HeaderParameter = {
  name: 'If-Match',
  in: 'header',
  required: true,
  description: 'The last known ETag of the account, or `*` for any version.',
  example: '"3"',
  schema: { type: 'string' },
};

type HeaderParameter = {
  name: string;
  in: 'header';
  required: boolean;
  description: string;
  example?: string;
  schema: { type: 'string'; minLength?: number; maxLength?: number };
};

type ResponseHeader = { description: string; schema: { type: 'string' | 'integer' } };
type ResponseHeaders = Record<string, ResponseHeader>;

function header(description: string, type: 'string' | 'integer'): ResponseHeader {
  return { description, schema: { type } };
}

const position = header('The log position that includes the outcome; pass it as `min_position`.', 'integer');
const location = header('The path of the resource.', 'string');

export const REPLAYED = {
  'Idempotency-Replayed': header('`true` if this is a repeat and the result was already recorded.', 'string'),
};
export const COMMAND_HEADERS = { 'Ledger-Position': position, ...REPLAYED };
export const LOCATION = { Location: location };
export const ETAG = { ETag: header('The version of the account, in quotes.', 'string') };
export const ACCEPTED_HEADERS = {
  ...LOCATION,
  'Preference-Applied': header('`respond-async`, if it was requested and applied.', 'string'),
};
/** A transfer that waits, or that was not waited for. */
export const WAITING_HEADERS = { ...COMMAND_HEADERS, ...ACCEPTED_HEADERS };
export const POSITION = { 'Ledger-Position': position };
export const LINK = { Link: header('The next page, as `rel="next"`, if there is one.', 'string') };
