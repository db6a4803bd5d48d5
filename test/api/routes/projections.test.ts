import { describe, expect, it } from 'vitest';
import type { ApiDependencies } from '../../../api/app.ts';
import type { DailyTotals, ProjectionResource } from '../../../contracts/projections.ts';
import { account, readStore, testApp } from '../fixtures/fixtures.ts';

const day = (given: Partial<DailyTotals>): DailyTotals => ({
  day: '2026-11-23',
  currency: 'EUR',
  debits: '30',
  credits: '100',
  count: 2,
  closing_balance: '70',
  ...given,
});
const totals = [day({}), day({ day: '2026-11-24' }), day({ day: '2026-11-26' })];
const store = readStore({ accounts: [account()], totals });
const path = '/v1/accounts/alice/totals';
const get = async (url: string, given: Partial<ApiDependencies> = {}) => {
  const { app } = testApp({ readStore: store, ...given });
  const response = await app.request(url);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

describe('the daily totals of an account', () => {
  it('are a page of days', async () => {
    const first = await get(`${path}?limit=2`);
    expect(first).toEqual({ status: 200, body: { data: totals.slice(0, 2), next_cursor: '2' } });
    expect((await get(`${path}?limit=2&cursor=2`)).body).toEqual({
      data: totals.slice(2),
      next_cursor: null,
    });
  });

  it('cover a range of days, the end not included', async () => {
    const { body } = await get(`${path}?from=2026-11-24&to=2026-11-26`);
    expect(body).toEqual({ data: [totals[1]], next_cursor: null });
  });

  it('of an account that there is not are refused, and of a world account that nothing has touched are none', async () => {
    expect(await get('/v1/accounts/nobody/totals')).toMatchObject({
      status: 404,
      body: { code: 'account_not_found' },
    });
    expect((await get('/v1/accounts/world_CHF/totals')).body).toEqual({ data: [], next_cursor: null });
  });

  it.each(['from=2026-11-23T00:00:00Z', 'to=2026-13-01', 'from=yesterday'])('refuse %s', async (query) => {
    expect(await get(`${path}?${query}`)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});

it('each query waits for the projection that it reads, and for no other', async () => {
  const waits: (string | undefined)[] = [];
  const waitForPosition: ApiDependencies['waitForPosition'] = (_, __, projection) => {
    waits.push(projection);
    return Promise.resolve(false);
  };
  const paths = ['accounts', 'accounts/alice', 'accounts/alice/balances', 'accounts/alice/statement'];
  for (const each of [...paths, 'accounts/alice/totals', 'transfers', 'transfers/t', 'holds', 'holds/h']) {
    expect((await get(`/v1/${each}?min_position=3`, { waitForPosition })).body.code).toBe(
      'position_not_reached',
    );
  }
  const [balances, transfers] = [paths.map(() => 'balances'), Array.from({ length: 4 }, () => 'transfers')];
  expect(waits).toEqual([...balances, 'totals', ...transfers]);
});

it('projections are listed as they stand', async () => {
  const projection: ProjectionResource = {
    name: 'totals',
    version: 2,
    status: 'stopped',
    position: 7,
    lag_events: 2,
    lag_seconds: 0.5,
    parked: 1,
    error: 'it tastes odd',
    rebuild: { version: 3, position: 4 },
  };
  const projections = () => Promise.resolve([projection]);
  expect(await get('/v1/projections', { projections })).toEqual({
    status: 200,
    body: { data: [projection] },
  });
});
