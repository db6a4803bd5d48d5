import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventCursor, positionOfCursor } from '../../../api/http/event-cursor.ts';
import { eventPage } from '../../../contracts/http.ts';
import { eventFrom } from '../../../messages/mapping/resources.ts';
import { deposited, eventReader, testApp } from '../fixtures/fixtures.ts';

const log = [1, 2, 3, 5, 8, 13].map((position) => deposited(position, position === 5 ? 'bob' : 'alice'));
const { app } = testApp({ events: eventReader(log) });

async function pages(path: string): Promise<number[][]> {
  const seen: number[][] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const response = await app.request(`${path}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    const page = eventPage.parse(await response.json());
    seen.push(page.data.map((event) => event.position));
    cursor = page.next_cursor;
  }
  return seen;
}

describe('events', () => {
  it('are CloudEvents in log order, each with its position', async () => {
    const page = await (await app.request('/v1/events')).json();
    expect(page).toEqual({ data: log.map(eventFrom), next_cursor: null });
  });

  it('come in pages, the last of which says so', async () => {
    expect(await pages('/v1/events?limit=4')).toEqual([
      [1, 2, 3, 5],
      [8, 13],
    ]);
    expect(await pages('/v1/events?limit=3')).toEqual([
      [1, 2, 3],
      [5, 8, 13],
    ]);
    expect(await pages('/v1/events?limit=2&after=2')).toEqual([
      [3, 5],
      [8, 13],
    ]);
    expect(await pages('/v1/events?after=13')).toEqual([[]]);
  });

  it('are those of one account, or of one type', async () => {
    expect(await pages('/v1/events?account=bob')).toEqual([[5]]);
    expect(await pages('/v1/accounts/alice/events?limit=3')).toEqual([
      [1, 2, 3],
      [8, 13],
    ]);
    expect(await pages('/v1/accounts/bob/events?after=1')).toEqual([[5]]);
    expect(await pages('/v1/events?type=ledger.MoneyDeposited.v1&limit=500')).toEqual([[1, 2, 3, 5, 8, 13]]);
    expect(await pages('/v1/events?type=ledger.AccountCreated.v1')).toEqual([[]]);
    expect(await pages('/v1/events?account=nobody')).toEqual([[]]);
  });

  it('of a world account that nothing has touched are none', async () => {
    expect(await (await app.request('/v1/accounts/world_CHF/events')).json()).toEqual({
      data: [],
      next_cursor: null,
    });
  });
});

describe('an event cursor', () => {
  it('leads back to its position, for every position', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (position) => {
        expect(eventCursor(position)).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(positionOfCursor(eventCursor(position))).toBe(position);
      }),
    );
  });

  it('cannot be made up', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!/^[1-9][0-9]*$/.test(Buffer.from(text, 'base64url').toString('latin1')));
        expect(() => positionOfCursor(text)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
      }),
    );
  });
});
