/** Cursors: where a page ended, and of which list. Opaque to clients, and refused by any other list. */
import { createHash } from 'node:crypto';
import { InvalidCursor } from './read-store.ts';

/** The last item of a page, by what its list is ordered by. */
export type PagePosition = { readonly position: number; readonly time?: string | undefined };

/** Names a list: what is listed, and the filter. Two lists have the same name only if they hold the same things. */
export function listName(kind: string, filter: Readonly<Record<string, string | undefined>>): string {
  const fields = Object.entries(filter).filter(([, value]) => value !== undefined);
  const text = JSON.stringify([kind, fields.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 12);
}

/** The cursor to the items of a list after a place. */
export function encodeCursor(list: string, { position, time }: PagePosition): string {
  return Buffer.from(JSON.stringify([list, position, time])).toString('base64url');
}

/**
 * Where a cursor of the list points.
 * @throws InvalidCursor if the list cannot have given it.
 */
export function decodeCursor(list: string, cursor: string): PagePosition {
  const decoded = parse(list, cursor);
  // What decodes to the same place but is spelled in another way was not given by us either.
  if (!decoded || encodeCursor(list, decoded) !== cursor)
    throw new InvalidCursor('The cursor does not belong to this list.');
  return decoded;
}

function parse(list: string, cursor: string): PagePosition | undefined {
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(content)) return undefined;
  const [of, position, time] = content as unknown[];
  if (of !== list || typeof position !== 'number' || !Number.isSafeInteger(position)) return undefined;
  return isTime(time) ? { position, time } : { position };
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-.+Z$/.test(value) && !Number.isNaN(Date.parse(value));
}
