/**
 * What an Idempotency-Key stands for. Every id of a keyed command comes from its key, so that a retry names the same
 * thing, and its fingerprint from what was asked for, so that the key cannot come to mean two things.
 */
import { createHash } from 'node:crypto';
import { invalidRequest, ProblemError } from '../http/problem.ts';

export type IdempotencyKey = {
  /** SHA-256 of the key, hex: what the log keeps of it. */
  readonly keyHash: string;
  readonly transferId: string;
  /** Of the transfer that captures a hold: another than that of a transfer made with the same key. */
  readonly captureId: string;
  readonly holdId: string;
  readonly accountId: string;
  readonly scheduleId: string;
  readonly webhookId: string;
  readonly commandId: string;
  readonly bulkId: string;
  /** Of the transfer that a line of a bulk makes, by its name: another than that of any other. */
  readonly lineTransferId: (line: { id: string } | { number: number }) => string;
};

/** Printable ASCII. */
const BARE = /^[\x20-\x7e]+$/;
/** A string of RFC 9651: in quotes, with `\` before a quote or a backslash. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const LENGTH_MAX = 255;

/**
 * Reads the header of a command that may go without; undefined if it does.
 * @throws ProblemError if what is there is no key.
 */
export function optionalKey(header: string | undefined): IdempotencyKey | undefined {
  return header === undefined ? undefined : idempotencyKey(parseKey(header));
}

/**
 * Reads the header of a command that moves or holds money.
 * @throws ProblemError if it is missing or no key.
 */
export function requiredKey(header: string | undefined): IdempotencyKey {
  if (header === undefined || header.trim() === '') throw new ProblemError('idempotency_key_missing');
  return idempotencyKey(parseKey(header));
}

/** Everything that follows from a key, derived when it is asked for. */
export function idempotencyKey(key: string): IdempotencyKey {
  return {
    keyHash: sha256(key),
    get transferId() {
      return derivedId('tr', `transfer:${key}`);
    },
    get captureId() {
      return derivedId('tr', `capture:${key}`);
    },
    get holdId() {
      return derivedId('hold', `hold:${key}`);
    },
    get accountId() {
      return derivedId('acc', `account:${key}`);
    },
    get scheduleId() {
      return derivedId('sch', `schedule:${key}`);
    },
    get webhookId() {
      return derivedId('wh', `webhook:${key}`);
    },
    get commandId() {
      return derivedId('cmd', `command:${key}`);
    },
    get bulkId() {
      return derivedId('bulk', `bulk:${key}`);
    },
    lineTransferId(line) {
      // The hash has one length: no key with a line can read as another key with another line.
      const name = 'id' in line ? `id:${line.id}` : `number:${line.number}`;
      return derivedId('tr', `bulk:${this.keyHash}:${name}`);
    },
  };
}

/** SHA-256 of what was asked for: the route, the resource in its path, and the validated body. */
export function fingerprint(route: string, pathId: string, body: unknown): string {
  return sha256(`${route}\n${pathId}\n${canonicalJson(body)}`);
}

/** JSON with sorted keys: the same value is the same text, however the client ordered it. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

function parseKey(header: string): string {
  const trimmed = header.trim();
  const quoted = QUOTED.exec(trimmed)?.[1];
  const key = quoted === undefined ? trimmed : quoted.replaceAll(/\\(.)/g, '$1');
  const unbalanced = quoted === undefined && trimmed.startsWith('"');
  if (unbalanced || !BARE.test(key) || key.length > LENGTH_MAX) {
    const message = `must be 1-${LENGTH_MAX} printable characters, bare or in quotes`;
    throw invalidRequest({ path: 'Idempotency-Key', message });
  }
  return key;
}

function derivedId(prefix: string, text: string): string {
  return `${prefix}_${sha256(text).slice(0, 32)}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
