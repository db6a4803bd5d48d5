import { describe, expect, it } from 'vitest';
import { requiredVersion } from '../../../api/http/if-match.ts';
import { accountResource } from '../../../contracts/http.ts';
import { post } from '../fixtures/fixtures.ts';
import { ledgerApp } from '../fixtures/memory-ledger.ts';
import { problemOf } from '../fixtures/rejected.ts';

function patch(limit: string, headers: Record<string, string> = {}): RequestInit {
  return { ...post({ overdraft_limit: limit }, headers), method: 'PATCH' };
}

describe('the overdraft limit of an account', () => {
  it('is changed at the version that the client knows', async () => {
    const { app } = await ledgerApp();
    const before = await app.request('/v1/accounts/alice');
    const known = before.headers.get('etag') ?? '';
    const response = await app.request('/v1/accounts/alice', patch('500', { 'if-match': known }));
    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).toBe('"3"');
    expect(known).toBe('"2"');
    expect(response.headers.get('ledger-position')).not.toBeNull();
    expect(accountResource.parse(await response.json())).toMatchObject({
      id: 'alice',
      overdraft_limit: '500',
      version: 3,
      balances: { available: '1500' },
    });
    const late = await app.request('/v1/accounts/alice', patch('600', { 'if-match': known }));
    expect(late.status).toBe(412);
    expect(await late.json()).toMatchObject({ code: 'version_mismatch' });
  });

  it('is changed whatever the version with *, and by the same key once', async () => {
    const { app } = await ledgerApp();
    const headers = { 'idempotency-key': 'update-1', 'if-match': '*' };
    const first = await app.request('/v1/accounts/alice', patch('500', headers));
    expect(first.headers.get('etag')).toBe('"3"');
    await app.request('/v1/accounts/alice', patch('700', { 'if-match': '*' }));
    // The client has read the account anew in between.
    const retry = { ...headers, 'if-match': '"4"' };
    const again = await app.request('/v1/accounts/alice', patch('500', retry));
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.get('etag')).toBe('"3"');
    expect(await again.text()).toBe(await first.text());
    const other = await app.request('/v1/accounts/alice', patch('501', headers));
    expect(await other.json()).toMatchObject({ code: 'idempotency_key_reused' });
  });

  it('leaves its key free when it is refused', async () => {
    const { app } = await ledgerApp();
    const headers = { 'idempotency-key': 'update-1', 'if-match': '"1"' };
    expect((await app.request('/v1/accounts/alice', patch('500', headers))).status).toBe(412);
    const retry = { ...headers, 'if-match': '"2"' };
    expect((await app.request('/v1/accounts/alice', patch('500', retry))).status).toBe(200);
  });

  it('is not lowered below what is used, nor changed where there is no open account', async () => {
    const { app, carryOut } = await ledgerApp();
    const headers = { 'if-match': '*' };
    await app.request('/v1/accounts/bob', patch('500', headers));
    const moved = {
      kind: 'withdrawal',
      source: 'bob',
      destination: 'world_EUR',
      amount: '400',
      currency: 'EUR',
    };
    await carryOut({ type: 'transfer', id: 'tr_1', ...moved });
    await carryOut({ type: 'account.close', id: 'carol' });
    for (const [name, status, code] of [
      ['bob', 422, 'insufficient_funds'],
      ['carol', 422, 'account_closed'],
      ['nobody', 404, 'account_not_found'],
    ] as const) {
      const response = await app.request(`/v1/accounts/${name}`, patch('399', headers));
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ code });
    }
  });

  it('is changed later with Prefer: respond-async', async () => {
    const { app } = await ledgerApp();
    const headers = { 'if-match': '*', prefer: 'respond-async' };
    const response = await app.request('/v1/accounts/alice', patch('500', headers));
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe('/v1/accounts/alice');
    expect(await response.json()).toEqual({ id: 'alice', workflow_id: 'account/alice' });
  });
});

describe('If-Match', () => {
  it.each([
    ['"3"', 3],
    ['"0"', 0],
    [' "3" ', 3],
    ['W/"2", "3"', 3],
    ['"abc","3"', 3],
    [', "3" ,,"3"', 3],
    ['"a,b", "3"', 3],
    ['*', undefined],
  ])('%j names a version', (header, version) => {
    expect(requiredVersion(header)).toBe(version);
  });

  it.each([undefined, '', '  '])('%j is missing', (header) => {
    expect(() => requiredVersion(header)).toThrow(expect.objectContaining({ code: 'precondition_required' }));
  });

  it.each(['W/"3"', '"abc"', '""', '"03"', '"3.0"', '"-1"', '"99999999999999999999"', 'W/"3", "x"'])(
    '%j never matches',
    (header) => {
      expect(() => requiredVersion(header)).toThrow(expect.objectContaining({ code: 'version_mismatch' }));
    },
  );

  it.each(['3', 'w/"3"', '"3', '3"', "'3'", '"3" "3"', '"3", "4"', '*, "3"', '"3", *', ',', 'W/3', '"a b"'])(
    '%j is refused',
    (header) => {
      expect(() => requiredVersion(header)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    },
  );

  it('is looked at before anything is reached, and after the body', async () => {
    const missing = await problemOf('/v1/accounts/alice', patch('1'));
    expect(missing.problem).toMatchObject({ code: 'precondition_required', status: 428 });
    const wrong = await problemOf('/v1/accounts/alice', patch('1', { 'if-match': '3' }));
    expect(wrong.problem.errors?.[0]?.path).toBe('If-Match');
    expect((await problemOf('/v1/accounts/alice', patch('x'))).problem.code).toBe('invalid_request');
    const weak = await problemOf('/v1/accounts/alice', patch('1', { 'if-match': 'W/"3"' }));
    expect(weak.problem).toMatchObject({ code: 'version_mismatch', status: 412 });
  });
});
