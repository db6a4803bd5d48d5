/** Nothing that is not valid gets past here: what a body must be before it is parsed, and what zod says of it. */
import { isUtf8 } from 'node:buffer';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { z } from 'zod';
import { invalidRequest, ProblemError, type ApiEnv, type FieldError } from './problem.ts';

const BODY_MAX_BYTES = 1024 * 1024;

/** An answer names this many mistakes at most, and echoes no more than this of what was sent. */
export const ERRORS_MAX = 20;
const PATH_MAX = 200;

const utf8 = new TextDecoder();

const readBody = bodyReader(BODY_MAX_BYTES);

/** A JSON body that must be there. */
export const requiredBody: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if (!isJson(c)) throw new ProblemError('unsupported_media_type');
  const body = parse(await readBody(c));
  // The validator that follows asks for the JSON; this way it is parsed once.
  c.req.json = () => Promise.resolve(body);
  return next();
};

/** A JSON body that may be left out, as may its content type then. */
export const optionalBody: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const typed = c.req.header('content-type') !== undefined;
  if (typed && !isJson(c)) throw new ProblemError('unsupported_media_type');
  const text = await readBody(c);
  if (!typed && text !== '') throw new ProblemError('unsupported_media_type');
  const body = parse(text === '' ? '{}' : text);
  c.req.json = () => Promise.resolve(body);
  return next();
};

/** The hook of every zod validator: an issue is an error of the request. */
export function requireValid(result: { success: boolean; error?: z.core.$ZodError }): undefined {
  if (!result.success) throw invalidRequest(...fieldErrors(result.error?.issues ?? []));
}

/** True if the request says that its body is JSON. */
export function isJson(c: Context<ApiEnv>): boolean {
  return /^application\/json *(;|$)/i.test(c.req.header('content-type') ?? '');
}

/**
 * Reads a body once, bounded. The stream is only counted where its length is not declared, because counting costs
 * a web stream on every request, and where it is declared, Node cuts the body off there.
 */
export function bodyReader(maxBytes: number): (c: Context<ApiEnv>) => Promise<string> {
  const tooLarge = (): never => {
    throw new ProblemError('payload_too_large', { detail: `The body may have at most ${maxBytes} bytes.` });
  };
  const limitStream = bodyLimit({ maxSize: maxBytes, onError: tooLarge });
  return async (c) => {
    const declared = Number(c.req.header('content-length') ?? Number.NaN);
    if (declared > maxBytes) return tooLarge();
    const counted = Number.isNaN(declared) || c.req.header('transfer-encoding') !== undefined;
    const bytes = await received(c, counted ? limitStream : undefined);
    if (bytes.byteLength > maxBytes) return tooLarge();
    if (!isUtf8(bytes)) throw invalidRequest({ path: '', message: 'must be UTF-8' });
    return utf8.decode(bytes);
  };
}

async function received(
  c: Context<ApiEnv>,
  limitStream: MiddlewareHandler<ApiEnv> | undefined,
): Promise<Uint8Array> {
  try {
    await limitStream?.(c, () => Promise.resolve());
    return new Uint8Array(await c.req.arrayBuffer());
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    // The client went away, or took too long: nobody reads this answer, and it is no error of ours.
    throw invalidRequest({ path: '', message: 'must be received in full' });
  }
}

/** What `__proto__` can be written like in JSON; it is seldom there, so that hardly any body is looked at twice. */
const PROTO = /__proto__|\\u00(5f|6f|7[024])/i;

/**
 * Parses JSON.
 * @throws ProblemError if it is none, or if it has a field `__proto__`: the validators would leave it out silently.
 */
export function parse(text: string): ReturnType<typeof JSON.parse> {
  try {
    return PROTO.test(text) ? JSON.parse(text, rejectProto) : JSON.parse(text);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw invalidRequest({ path: '', message: 'must be valid JSON' });
  }
}

function rejectProto(name: string, value: unknown): unknown {
  if (name === '__proto__') throw invalidRequest({ path: '__proto__', message: 'is not a valid field name' });
  return value;
}

/** What is wrong where, in no more errors than an answer names. */
export function fieldErrors(issues: readonly z.core.$ZodIssue[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const issue of issues) {
    if (errors.length >= ERRORS_MAX) break;
    if (issue.code === 'unrecognized_keys') {
      const unknown = issue.keys.slice(0, ERRORS_MAX - errors.length);
      errors.push(
        ...unknown.map((key) => fieldError([...issue.path, key], 'is not a field of this request')),
      );
    } else {
      errors.push(fieldError(issue.path, messageOf(issue)));
    }
  }
  return errors;
}

/** A key that is refused says why in an issue of its own. */
function messageOf(issue: z.core.$ZodIssue): string {
  const reason = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined;
  return reason === undefined ? issue.message : `the key ${reason}`;
}

function fieldError(path: readonly PropertyKey[], message: string): FieldError {
  return { path: path.map(String).join('.').slice(0, PATH_MAX), message };
}
