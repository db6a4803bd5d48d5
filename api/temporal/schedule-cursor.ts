/**
 * Where a page of schedules ended: Temporal's own token. It carries a checksum, because Temporal takes one that it did
 * not give for a fault of its own and is asked again and again.
 */
import { createHash } from 'node:crypto';
import { InvalidCursor } from '../../projector/queries/read-store.ts';

const CHECKSUM_BYTES = 8;

/** The cursor to what comes after; null if nothing does. */
export function scheduleCursor(token: Uint8Array): string | null {
  return token.length === 0 ? null : Buffer.concat([checksum(token), token]).toString('base64url');
}

/**
 * Where a cursor points.
 * @throws InvalidCursor if the list of schedules did not give it.
 */
export function decodeScheduleCursor(cursor: string | undefined): Uint8Array | undefined {
  if (cursor === undefined) return undefined;
  const bytes = Buffer.from(cursor, 'base64url');
  const token = bytes.subarray(CHECKSUM_BYTES);
  if (scheduleCursor(token) !== cursor) throw new InvalidCursor('The cursor does not belong to this list.');
  return token;
}

function checksum(token: Uint8Array): Buffer {
  return createHash('sha256').update('schedules').update(token).digest().subarray(0, CHECKSUM_BYTES);
}
