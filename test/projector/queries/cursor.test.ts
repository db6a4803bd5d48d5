import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor, listName } from '../../../projector/queries/cursor.ts';
import { InvalidCursor } from '../../../projector/queries/read-store.ts';

const list = listName('transfers', { account: 'alice' });

describe('a cursor', () => {
  it.each([
    { position: 7 },
    { position: Number.MAX_SAFE_INTEGER },
    { position: 7, time: '2026-01-01T00:00:00.000Z' },
  ])('points to where it was made: %o', (place) => {
    expect(decodeCursor(list, encodeCursor(list, place))).toEqual(place);
  });

  it('fits into a query parameter as it is', () => {
    expect(encodeCursor(list, { position: 7, time: '2026-01-01T00:00:00.000Z' })).toMatch(
      /^[A-Za-z0-9_-]{1,500}$/,
    );
  });

  it.each([
    ['another account', listName('transfers', { account: 'bob' })],
    ['another filter', listName('transfers', { account: 'alice', status: 'posted' })],
    ['another kind of list', listName('statement', { account: 'alice' })],
  ])('of one list is refused by that of %s', (_, other) => {
    expect(() => decodeCursor(other, encodeCursor(list, { position: 7 }))).toThrow(InvalidCursor);
  });

  it('does not mind in which order a filter is given, nor what it leaves open', () => {
    const filter = { status: undefined, owner: 'a', currency: 'EUR' };
    expect(listName('accounts', filter)).toBe(listName('accounts', { currency: 'EUR', owner: 'a' }));
  });

  it.each([
    '',
    'x',
    '!!!',
    '\u0000',
    encode(null),
    encode([]),
    encode([list]),
    encode([list, '7']),
    encode([list, 1.5]),
    encode([list, 2 ** 60]),
    encode([list, 7, 'yesterday']),
    encode([list, 7, '2026-99-99T00:00:00.000Z']),
    encode([list, 7, '2026-01-01T00:00:00.000Z', 'more']),
    `${encodeCursor(list, { position: 7 })}=`,
  ])('that nobody gave is refused: %j', (cursor) => {
    expect(() => decodeCursor(list, cursor)).toThrow(InvalidCursor);
  });
});

function encode(content: unknown): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}
