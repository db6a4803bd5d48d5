import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApiDependencies } from '../../../api/app.ts';
import { isConnectionError } from '../../../api/http/connection-errors.ts';
import type { ReadStore } from '../../../projector/queries/read-store.ts';
import { account, eventReader, post, readStore, READY, testApp } from '../fixtures/fixtures.ts';
import { hold, KEY, transfer } from '../fixtures/rejected.ts';

const named = (name: string) => Object.assign(new Error('away'), { name });
const coded = (code: string | number) => Object.assign(new Error('away'), { code });

let logged: string[];
beforeEach(() => {
  logged = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A read store of which everything fails, or never answers. */
function failing(fail: () => Promise<never>): ReadStore {
  const store = readStore({});
  return {
    ...store,
    position: fail,
    account: fail,
    accounts: fail,
    transfer: fail,
    transfers: fail,
    hold: fail,
    holds: fail,
    statement: fail,
  };
}

const queries = [
  '/v1/accounts',
  '/v1/accounts/alice',
  '/v1/accounts/alice/balances',
  '/v1/accounts/alice/statement',
  '/v1/transfers',
  '/v1/transfers/tr_1',
  '/v1/transactions/tr_1',
  '/v1/holds',
  '/v1/holds/hold_1',
  '/v1/events',
  '/v1/accounts/alice/events',
];

function broken(fail: () => Promise<never>): Partial<ApiDependencies> {
  return {
    readStore: failing(fail),
    events: { ...eventReader([]), read: fail },
    commands: { carryOut: fail, find: fail },
    readiness: fail,
  };
}

describe('a server that is away', () => {
  it.each(queries)('is a 503 that is worth a retry, and logged: %s', async (path) => {
    const { app } = testApp(broken(() => Promise.reject(coded('ECONNREFUSED'))));
    const response = await app.request(path, { headers: { 'x-request-id': 'abc' } });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'dependency_unavailable' });
    expect(logged).toHaveLength(1);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      level: 'error',
      request_id: 'abc',
      method: 'GET',
      path,
    });
  });

  it.each([...queries, '/readyz'])('never makes a query hang: %s', async (path) => {
    vi.useFakeTimers();
    const { app } = testApp(broken(() => new Promise<never>(() => {})));
    const answer = app.request(path);
    await vi.advanceTimersByTimeAsync(9_000);
    const response = await answer;
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'dependency_unavailable' });
  });

  it('leaves no timer behind a query that is answered', async () => {
    vi.useFakeTimers();
    const { app } = testApp({ readStore: readStore({ accounts: [account()] }) });
    expect((await app.request('/v1/accounts/alice')).status).toBe(200);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is a 503 for a command too', async () => {
    const { app } = testApp(broken(() => Promise.reject(named('RequestError'))));
    const response = await app.request('/v1/transfers', post(transfer, KEY));
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'dependency_unavailable' });
  });

  it.each([
    coded('ECONNREFUSED'),
    coded('CONNECTION_CLOSED'),
    coded('CONNECT_TIMEOUT'),
    coded('57P01'),
    coded('08006'),
    coded(14),
    coded(4),
    named('TimeoutError'),
    named('NoResponders'),
    new Error('outer', { cause: coded('ECONNRESET') }),
  ])('is told from a bug: %o', (error) => {
    expect(isConnectionError(error)).toBe(true);
  });

  it.each([
    new Error('plain'),
    coded('42P01'),
    coded('22021'),
    coded(3),
    new TypeError('x is undefined'),
    'ECONNREFUSED',
    undefined,
    Object.assign(new Error('loop'), { cause: undefined }),
  ])('is not what a bug is: %o', (error) => {
    expect(isConnectionError(error)).toBe(false);
  });

  it('is not searched for in a cause that causes itself', () => {
    const error = new Error('loop');
    error.cause = error;
    expect(isConnectionError(error)).toBe(false);
  });
});

describe('a bug', () => {
  it.each(queries)('is a 500 without internals, and logged whole: %s', async (path) => {
    const { app } = testApp(
      broken(() => Promise.reject(new Error('secret: password', { cause: new Error('deeper') }))),
    );
    const response = await app.request(path, { headers: { 'x-request-id': 'abc' } });
    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: 'internal_error', instance: path });
    expect(text).not.toMatch(/secret|deeper|fixtures|node_modules/);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain('secret: password');
    expect(logged[0]).toContain('deeper');
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({ request_id: 'abc' });
  });

  it('is an answer without the resource that it is about', async () => {
    const answer = { position: 7, replayed: false, created: true };
    const { app } = testApp({ outcome: { type: 'recorded', replayed: false, result: answer } });
    expect((await app.request('/v1/transfers', post(transfer, KEY))).status).toBe(500);
    const paths = ['accounts/alice/freeze', 'transfers/tr_1/approve', 'holds/hold_1/void'];
    for (const path of paths) {
      expect((await app.request(`/v1/${path}`, { method: 'POST' })).status).toBe(500);
    }
    expect((await app.request('/v1/holds', post(hold, KEY))).status).toBe(500);
  });
});

describe('health', () => {
  it('is alive whatever else is away', async () => {
    const { app } = testApp(broken(() => Promise.reject(coded('ECONNREFUSED'))));
    const response = await app.request('/healthz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
  });

  it('is ready with each dependency and the lag of the read model', async () => {
    const response = await testApp().app.request('/readyz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(READY);
  });

  it('is a 503 that says what is not ready', async () => {
    const state = {
      ...READY,
      ready: false,
      dependencies: { ...READY.dependencies, nats: { ok: false, detail: 'away' } },
    };
    const response = await testApp({ readiness: () => Promise.resolve(state) }).app.request('/readyz');
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'dependency_unavailable', ...state });
    expect(logged).toEqual([]);
  });
});

describe('HEAD', () => {
  it('is GET without the body', async () => {
    const { app } = testApp({ readStore: readStore({ accounts: [account()] }) });
    const response = await app.request('/v1/accounts/alice', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).toBe('"3"');
    expect(await response.text()).toBe('');
    expect((await app.request('/v1/accounts/nobody', { method: 'HEAD' })).status).toBe(404);
  });
});
