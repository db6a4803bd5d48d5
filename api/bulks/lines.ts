/** Reads the lines of a bulk from a body: one JSON document, or one JSON document a line (NDJSON). */
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { Context } from 'hono';
import { z } from 'zod';
import { BULK_LINES_MAX, bulkLine, type BulkLine } from '../../contracts/bulks.ts';
import { canonicalJson } from '../commands/idempotency.ts';
import { invalidRequest, ProblemError, type ApiEnv, type FieldError } from '../http/problem.ts';
import { bodyReader, ERRORS_MAX, fieldErrors, isJson, parse, requireValid } from '../http/validation.ts';

export const BULK_BYTES_MAX = 16 * 1024 * 1024;

/** Lines that are looked at before other requests get their turn. */
const LINES_A_TURN = 200;

const readBody = bodyReader(BULK_BYTES_MAX);

export type Lines = {
  readonly lines: readonly BulkLine[];
  /** SHA-256 of all lines: the same however they were sent. */
  readonly digest: string;
};

/** A line as it came. */
type Item = {
  /** What errors call it. */
  readonly path: string;
  readonly read: () => unknown;
};

/**
 * Reads and checks all lines.
 * @throws ProblemError that says what is wrong where.
 */
export async function readLines(c: Context<ApiEnv>): Promise<Lines> {
  const ndjson = isNdjson(c);
  if (!ndjson && !isJson(c)) {
    const detail = 'The body must be application/json or application/x-ndjson.';
    throw new ProblemError('unsupported_media_type', { detail });
  }
  const text = await readBody(c);
  return checked(ndjson ? itemsOfNdjson(text) : itemsOfJson(text));
}

function isNdjson(c: Context<ApiEnv>): boolean {
  return /^application\/x-ndjson *(;|$)/i.test(c.req.header('content-type') ?? '');
}

const count = { min: 1, max: BULK_LINES_MAX };
const envelope = z.strictObject({ transfers: z.array(z.unknown()).min(count.min).max(count.max) });

function itemsOfJson(text: string): Item[] {
  const { success, data, error } = envelope.safeParse(parse(text));
  if (!success) {
    requireValid({ success, error });
    return [];
  }
  return data.transfers.map((item, index) => ({ path: `transfers.${index}`, read: () => item }));
}

function itemsOfNdjson(text: string): Item[] {
  const rows = text.split('\n', count.max + 2);
  // The last line may end as the others do, or not.
  if (rows.at(-1)?.trim() === '') rows.pop();
  if (rows.length < count.min || rows.length > count.max) {
    throw invalidRequest({ path: '', message: `must have ${count.min} to ${count.max} lines` });
  }
  return rows.map((row, index) => ({
    path: `line ${index + 1}`,
    read: () => parse(row) as unknown,
  }));
}

async function checked(items: readonly Item[]): Promise<Lines> {
  const lines: BulkLine[] = [];
  const errors: FieldError[] = [];
  const named = new Map<string, string>();
  const hash = createHash('sha256');
  for (const [index, item] of items.entries()) {
    if (errors.length >= ERRORS_MAX) break;
    if (index % LINES_A_TURN === LINES_A_TURN - 1) await turn();
    const line = lineOf(item, errors);
    if (!line) continue;
    const duplicate = line.id === undefined ? undefined : named.get(line.id);
    if (duplicate !== undefined)
      errors.push({ path: `${item.path}.id`, message: `must be unique: ${duplicate} has the same id` });
    if (line.id !== undefined) named.set(line.id, item.path);
    lines.push(line);
    hash.update(`${canonicalJson(line)}\n`);
  }
  if (errors.length > 0) throw invalidRequest(...errors.slice(0, ERRORS_MAX));
  return { lines, digest: hash.digest('hex') };
}

/** The line, or undefined if it is none; then `errors` say why. */
function lineOf({ path, read }: Item, errors: FieldError[]): BulkLine | undefined {
  let value: unknown;
  try {
    value = read();
  } catch {
    errors.push({ path, message: 'must be valid JSON' });
    return undefined;
  }
  const { success, data, error } = bulkLine.safeParse(value);
  if (success) return data;
  for (const { path: field, message } of fieldErrors(error.issues)) {
    errors.push({ path: field === '' ? path : `${path}.${field}`, message });
  }
  return undefined;
}
