/** A cursor into the log: the position of the last event that the client has, in a form that promises nothing. */
import { ProblemError } from './problem.ts';

/** The cursor that continues after a position. */
export function eventCursor(position: number): string {
  return Buffer.from(String(position)).toString('base64url');
}

/**
 * The position that a cursor continues after.
 * @throws ProblemError for a cursor that no page gave.
 */
export function positionOfCursor(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const position = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : Number.NaN;
  // Decoding skips what is not base64url; encoding again shows whether there was any.
  if (!Number.isSafeInteger(position) || eventCursor(position) !== cursor)
    throw new ProblemError('invalid_cursor');
  return position;
}
