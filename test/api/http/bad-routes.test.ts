import { describe, expect, it } from 'vitest';
import { post } from '../fixtures/fixtures.ts';
import { codeOf, KEY, problemOf, transfer } from '../fixtures/rejected.ts';

describe('a path or a query that is not valid', () => {
  const ids = [
    'a.b',
    '*',
    '%3E',
    'a%20b',
    'a%00',
    '%0A',
    'a%2Fb',
    '%zz',
    '%ff',
    '_a',
    'x'.repeat(65),
    '%F0%9F%92%A9',
  ];
  it.each(ids)('id %s', async (id) => {
    const gets = ['', '/balances', '/statement', '/events'].map((rest) => `/v1/accounts/${id}${rest}`);
    for (const collection of ['transfers', 'transactions', 'holds']) gets.push(`/v1/${collection}/${id}`);
    for (const path of gets) expect(await codeOf(path)).toBe('invalid_request');
    const actions = [
      ...['freeze', 'unfreeze', 'close'].map((action) => `accounts/${id}/${action}`),
      ...['approve', 'reject', 'cancel', 'reversal'].map((action) => `transfers/${id}/${action}`),
      ...['capture', 'void'].map((action) => `holds/${id}/${action}`),
    ];
    for (const action of actions) {
      expect(await codeOf(`/v1/${action}`, { method: 'POST', headers: KEY })).toBe('invalid_request');
    }
    const extension = post({ expires_in_seconds: 60 });
    expect(await codeOf(`/v1/holds/${id}/extend`, extension)).toBe('invalid_request');
    const update = { ...post({ overdraft_limit: '1' }, { 'if-match': '*' }), method: 'PATCH' };
    expect(await codeOf(`/v1/accounts/${id}`, update)).toBe('invalid_request');
  });

  it.each([
    'limit=0',
    'limit=501',
    'limit=-1',
    'limit=1.5',
    'limit=x',
    'limit=',
    'limit=1&limit=2',
    'limit=1e9',
    'min_position=0',
    'min_position=-1',
    'min_position=x',
    'min_position=1.5',
    'min_position=9007199254740993',
    `cursor=${'x'.repeat(501)}`,
  ])('?%s', async (query) => {
    for (const path of ['/v1/accounts', '/v1/transfers', '/v1/holds', '/v1/accounts/alice/statement']) {
      expect(await codeOf(`${path}?${query}`)).toBe('invalid_request');
    }
  });

  it.each([
    '/v1/accounts?status=gone',
    '/v1/accounts?currency=eur',
    '/v1/accounts?owner=%00',
    '/v1/accounts?owner=',
    '/v1/transfers?account=a.b',
    '/v1/transfers?status=x',
    '/v1/transfers?reference=%0a',
    '/v1/transfers?account=*',
    '/v1/transfers?reverses=a.b',
    '/v1/transfers?schedule=',
    '/v1/transfers?bulk=%3E',
    '/v1/holds?account=*',
    '/v1/holds?status=pending',
    '/v1/transactions/a?min_position=0',
    '/v1/holds/a?min_position=x',
    '/v1/accounts/a/statement?from=yesterday',
    '/v1/accounts/a/statement?to=2026-11-23',
    '/v1/events?account=%3E',
    '/v1/accounts/a/statement?from=2026-02-30T00:00:00Z',
    '/v1/accounts/a/balances?at=-7',
    '/v1/accounts/a/balances?at=yesterday',
    '/v1/accounts/a/balances?at=2026-02-30T00:00:00Z',
    '/v1/events?after=-1',
    '/v1/events?type=MoneyDeposited',
    '/v1/events?type=ledger.MoneyDeposited.v2',
    '/v1/events?type=*',
    '/v1/events?type=',
    '/v1/events?type=ledger.CommandRecorded.v1',
    '/v1/events?limit=0',
    '/v1/events?after=x',
    '/v1/accounts/a/events?type=x',
  ])('%s', async (path) => {
    expect(await codeOf(path)).toBe('invalid_request');
  });

  it.each(['x', '%00', 'MA', 'MDE', 'LTE', 'MS41', 'MQ==', 'MQ%0a', 'OTk5OTk5OTk5OTk5OTk5OTk5OTk5', ''])(
    'event cursor %s',
    async (cursor) => {
      expect(await codeOf(`/v1/events?cursor=${cursor}`)).toBe('invalid_cursor');
      expect(await codeOf(`/v1/accounts/alice/events?cursor=${cursor}`)).toBe('invalid_cursor');
    },
  );
});

describe('a route that is not there', () => {
  it.each([
    '/',
    '/v1',
    '/v2/accounts',
    '/v1/accounts/',
    '/v1/accounts/a/b/c',
    '/V1/accounts',
    '/v1//accounts',
    '/metrics/x',
  ])('%s', async (path) => {
    expect(await codeOf(path)).toBe('route_not_found');
    expect(await codeOf(path, post(transfer, KEY))).toBe('route_not_found');
  });

  it.each([
    ['DELETE', '/v1/accounts', ['GET', 'HEAD', 'POST']],
    ['PUT', '/v1/accounts/alice', ['GET', 'HEAD', 'PATCH']],
    ['GET', '/v1/transactions', ['POST']],
    ['DELETE', '/v1/holds/hold_1', ['GET', 'HEAD']],
    ['GET', '/v1/holds/hold_1/capture', ['POST']],
    ['GET', '/v1/transfers/tr_1/approve', ['POST']],
    ['GET', '/v1/deposits', ['POST']],
    ['GET', '/v1/accounts/alice/freeze', ['POST']],
    ['PATCH', '/v1/transfers/tr_1', ['GET', 'HEAD']],
    ['POST', '/v1/events', ['GET', 'HEAD']],
    ['OPTIONS', '/v1/transfers', ['GET', 'HEAD', 'POST']],
    ['POST', '/healthz', ['GET', 'HEAD']],
    ['POST', '/openapi.json', ['GET', 'HEAD']],
  ])('%s %s', async (method, path, allowed) => {
    const { response } = await problemOf(path, { method });
    expect(response.headers.get('allow')?.split(', ').toSorted()).toEqual(allowed);
  });
});
