import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ApiDependencies } from '../../../api/app.ts';
import type { CommandInFlight, Commands } from '../../../api/commands/commands.ts';
import { page } from '../../../contracts/http.ts';
import { createTestLog } from '../../support/events/events.ts';
import { account, eventReader, hold, NOW, readStore, testApp, transfer } from '../fixtures/fixtures.ts';

/** Commands of which one is found. */
function inFlight(found: CommandInFlight | undefined): Commands {
  return {
    carryOut: () => Promise.reject(new Error('A query carries nothing out.')),
    find: () => Promise.resolve(found),
  };
}

const meta = { command_id: 'c', requested_at: NOW.toISOString(), actor: 'anonymous', fingerprint: 'f' };
const result = { position: 7, replayed: false, created: true };

describe('an account', () => {
  it('comes from the read model, with its version as its entity tag', async () => {
    const { app } = testApp({ readStore: readStore({ accounts: [account()] }) });
    const response = await app.request('/v1/accounts/alice');
    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).toBe('"3"');
    expect(await response.json()).toEqual(account());
  });

  it('is the world of any currency, touched or not', async () => {
    const { app } = testApp();
    const response = await app.request('/v1/accounts/world_JPY');
    expect(await response.json()).toMatchObject({
      id: 'world_JPY',
      currency: 'JPY',
      status: 'open',
      version: 0,
    });
    const touched = account({ id: 'world_EUR', balances: { posted: '-5', held: '0', available: '-5' } });
    const known = testApp({ readStore: readStore({ accounts: [touched] }) }).app;
    expect(await (await known.request('/v1/accounts/world_EUR')).json()).toEqual(touched);
    for (const id of ['world_XXQ', 'world_eur', 'world_', 'worldEUR']) {
      expect((await app.request(`/v1/accounts/${id}`)).status).toBe(404);
    }
  });

  it('that a command has just made is not missing', async () => {
    const found = { type: 'recorded', result: { ...result, account: account({ id: 'new' }) } } as const;
    const { app } = testApp({ commands: inFlight(found) });
    expect(await (await app.request('/v1/accounts/new')).json()).toEqual(account({ id: 'new' }));
    expect(await (await app.request('/v1/accounts/new/statement')).json()).toEqual({
      data: [],
      next_cursor: null,
    });
    expect(await (await app.request('/v1/accounts/new/events')).json()).toEqual({
      data: [],
      next_cursor: null,
    });
  });

  it.each(['', '/balances', '/statement', '/events'])('that nobody knows is missing: %s', async (rest) => {
    const response = await testApp().app.request(`/v1/accounts/nobody${rest}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'account_not_found' });
  });

  it('has balances, with the position that they show at least', async () => {
    const { app } = testApp({ readStore: readStore({ position: 12, accounts: [account()] }) });
    const response = await app.request('/v1/accounts/alice/balances');
    expect(response.headers.get('ledger-position')).toBe('12');
    const balances = { posted: '1050', held: '50', available: '1000' };
    expect(await response.json()).toEqual({ account: 'alice', currency: 'EUR', ...balances, position: 12 });
  });

  it('has balances as of a position or a time, from the log; before its first event it did not exist', async () => {
    const history = createTestLog();
    history.open('alice');
    history.deposit('alice', 5n);
    history.deposit('alice', 7n);
    const moved = history.events.filter(({ aggregateId }) => aggregateId === 'alice');
    const { app } = testApp({ events: eventReader(history.events) });
    const at = async (moment: string | number, id = 'alice') => {
      const response = await app.request(`/v1/accounts/${id}/balances?at=${moment}`);
      return [response.status, ((await response.json()) as { posted?: string; code?: string }).posted];
    };
    expect(await at(moved[1]!.position)).toEqual([200, '5']);
    expect(await at(moved[2]!.position - 1)).toEqual([200, '5']);
    expect(await at(1_000)).toEqual([200, '12']);
    expect(await at(moved[2]!.time)).toEqual([200, '12']);
    expect(await at(0)).toEqual([404, undefined]);
    expect(await at('1999-01-01T00:00:00Z')).toEqual([404, undefined]);
    expect(await at(0, 'world_EUR')).toEqual([200, '0']);
  });
});

describe('a transfer', () => {
  const request = {
    ...meta,
    type: 'transfer',
    id: 'tr_9',
    kind: 'transfer',
    source: 'alice',
    destination: 'bob',
    amount: '5',
    currency: 'EUR',
  } as const;

  it('comes from the read model', async () => {
    const { app } = testApp({ readStore: readStore({ transfers: [transfer()] }) });
    expect(await (await app.request('/v1/transfers/tr_1')).json()).toEqual(transfer());
  });

  it('is pending while its command runs', async () => {
    const { app } = testApp({
      commands: inFlight({ type: 'running', request, workflowId: 'transfer/tr_9' }),
    });
    const response = await app.request('/v1/transfers/tr_9');
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({
      id: 'tr_9',
      status: 'pending',
      workflow_id: 'transfer/tr_9',
    });
  });

  it('is known as soon as its command has its answer', async () => {
    const found = { type: 'recorded', result: { ...result, transfer: transfer({ id: 'tr_9' }) } } as const;
    const response = await testApp({ commands: inFlight(found) }).app.request('/v1/transfers/tr_9');
    expect(response.headers.get('retry-after')).toBeNull();
    expect(await response.json()).toEqual(transfer({ id: 'tr_9' }));
  });

  it('that nobody knows, or whose command came to nothing, is missing', async () => {
    const approval = { ...meta, type: 'transfer.approve', id: 'tr_9' } as const;
    for (const found of [
      undefined,
      { type: 'recorded', result } as const,
      // It may turn out that there is nothing to approve.
      { type: 'running', request: approval, workflowId: 'transfer/tr_9' } as const,
    ]) {
      const response = await testApp({ commands: inFlight(found) }).app.request('/v1/transfers/tr_9');
      expect(response.status).toBe(404);
      expect(response.headers.get('retry-after')).toBeNull();
      expect(await response.json()).toMatchObject({ code: 'transfer_not_found' });
    }
  });
});

describe('a list', () => {
  const itemPage = page(z.object({ id: z.string() }));
  const names = Array.from({ length: 60 }, (_, n) => `account-${n}`);
  const accounts = names.map((id, n) => account({ id, owner: n % 2 === 0 ? 'even' : 'odd' }));
  const transfers = names.map((id) => transfer({ id, destination: id, reference: 'r' }));
  const { app } = testApp({ readStore: readStore({ accounts, transfers }) });

  it.each([
    ['/v1/accounts', 50],
    ['/v1/accounts?limit=7', 7],
    ['/v1/accounts?limit=500', 500],
    ['/v1/transfers?limit=1&account=alice', 1],
  ])('comes in pages: %s', async (path, limit) => {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const next: string = cursor === '' ? '' : `${path.includes('?') ? '&' : '?'}cursor=${cursor}`;
      const part = itemPage.parse(await (await app.request(`${path}${next}`)).json());
      expect(part.data.length).toBeLessThanOrEqual(limit);
      seen.push(...part.data.map((item) => item.id));
      cursor = part.next_cursor;
    }
    expect(seen).toEqual(names);
  });

  it('is filtered', async () => {
    const ofOwner = itemPage.parse(
      await (await app.request('/v1/accounts?owner=odd&status=open&currency=EUR')).json(),
    );
    expect(ofOwner.data).toHaveLength(30);
    const frozen = await (await app.request('/v1/accounts?status=frozen')).json();
    expect(frozen).toEqual({ data: [], next_cursor: null });
    const query = '/v1/transfers?account=account-3&reference=r&status=posted';
    const ofAccount = itemPage.parse(await (await app.request(query)).json());
    expect(ofAccount.data).toHaveLength(1);
  });

  it('ignores query parameters that it does not know', async () => {
    expect((await app.request('/v1/accounts?colour=red')).status).toBe(200);
  });

  it('refuses a cursor that it did not give', async () => {
    for (const path of ['/v1/accounts', '/v1/transfers', '/v1/accounts/account-1/statement']) {
      const response = await app.request(`${path}?cursor=nonsense`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'invalid_cursor' });
    }
  });
});

describe('a query with min_position', () => {
  const paths = [
    '/v1/accounts',
    '/v1/accounts/alice',
    '/v1/accounts/alice/balances',
    '/v1/accounts/alice/statement',
    '/v1/transfers',
    '/v1/transfers/tr_1',
    '/v1/transactions/tr_2',
    '/v1/holds',
    '/v1/holds/hold_1',
  ];

  it.each(paths)('waits for the read model: %s', async (path) => {
    const { app, waits } = waiting(true);
    expect((await app.request(`${path}?min_position=42`)).status).toBe(200);
    expect(waits).toEqual([[42, 5_000]]);
    await app.request(path);
    expect(waits).toHaveLength(1);
  });

  it.each(paths)('gives up when it takes too long: %s', async (path) => {
    const response = await waiting(false).app.request(`${path}?min_position=42`);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'position_not_reached' });
  });
});

/** An app whose read model reaches a position in time, or does not. */
function waiting(reached: boolean) {
  const waits: [number, number][] = [];
  const waitForPosition: ApiDependencies['waitForPosition'] = (position, timeoutMs) => {
    waits.push([position, timeoutMs]);
    return Promise.resolve(reached);
  };
  const transfers = [transfer(), transfer({ id: 'tr_2', kind: 'transaction' })];
  const store = readStore({ accounts: [account()], transfers, holds: [hold()] });
  return { ...testApp({ waitForPosition, readStore: store }), waits };
}
