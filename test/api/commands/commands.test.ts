import { describe, expect, it } from 'vitest';
import { idempotencyKey } from '../../../api/commands/idempotency.ts';
import { account, NOW, post, testApp, transfer } from '../fixtures/fixtures.ts';
import { deposit, KEY, transfer as body } from '../fixtures/rejected.ts';

const id = idempotencyKey('order-42').transferId;
const stored = { position: 7, replayed: false, created: true };

describe('a command that moves money', () => {
  it('is a transfer between two accounts', async () => {
    const { app, carried } = testApp();
    const full = { ...body, reference: 'invoice-42', metadata: { order: '42' } };
    const response = await app.request('/v1/transfers', post(full, KEY));
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/v1/transfers/${id}`);
    expect(response.headers.get('ledger-position')).toBe('7');
    expect(response.headers.get('idempotency-replayed')).toBeNull();
    expect(await response.json()).toEqual(transfer({ id }));
    expect(carried).toEqual([
      {
        wait: true,
        request: {
          type: 'transfer',
          id,
          kind: 'transfer',
          ...full,
          command_id: id,
          requested_at: NOW.toISOString(),
          actor: 'anonymous',
          fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
          idempotency_key: idempotencyKey('order-42').keyHash,
        },
      },
    ]);
  });

  it('comes from the world as a deposit, and goes to it as a withdrawal', async () => {
    const { app, carried } = testApp();
    await app.request('/v1/deposits', post(deposit, KEY));
    await app.request('/v1/withdrawals', post({ ...deposit, currency: 'JPY' }, KEY));
    expect(carried.map(({ request }) => request)).toMatchObject([
      { kind: 'deposit', source: 'world_EUR', destination: 'alice' },
      { kind: 'withdrawal', source: 'alice', destination: 'world_JPY' },
    ]);
  });

  it('says so when its key had the answer already', async () => {
    const result = { ...stored, transfer: transfer({ id }) };
    const { app } = testApp({ outcome: { type: 'recorded', replayed: true, result } });
    const response = await app.request('/v1/transfers', post(body, KEY));
    expect(response.status).toBe(201);
    expect(response.headers.get('idempotency-replayed')).toBe('true');
  });

  it('is a problem with the transfer that records it when it is rejected', async () => {
    const rejection = { code: 'insufficient_funds', detail: 'Account alice has 0 available.' } as const;
    const result = { ...stored, rejection, transfer: transfer({ id, status: 'rejected' }) };
    for (const replayed of [false, true]) {
      const { app } = testApp({ outcome: { type: 'recorded', replayed, result } });
      const response = await app.request('/v1/transfers', post(body, KEY));
      expect(response.status).toBe(422);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(response.headers.get('ledger-position')).toBe('7');
      expect(response.headers.get('idempotency-replayed')).toBe(replayed ? 'true' : null);
      expect(await response.json()).toEqual({
        type: 'urn:tallybook:problem:insufficient_funds',
        title: 'Insufficient available balance',
        status: 422,
        code: 'insufficient_funds',
        detail: 'Account alice has 0 available.',
        instance: '/v1/transfers',
        transfer: id,
      });
    }
  });

  it.each([
    ['account_not_found', 404],
    ['idempotency_key_reused', 422],
  ] as const)('is a problem when it is refused: %s', async (code, status) => {
    const { app } = testApp({ outcome: { type: 'error', rejection: { code, detail: 'Why.' } } });
    const response = await app.request('/v1/transfers', post(body, KEY));
    expect(response.status).toBe(status);
    expect(response.headers.get('ledger-position')).toBeNull();
    expect(await response.json()).toMatchObject({ code, detail: 'Why.' });
  });

  it.each(['dependency_unavailable', 'overloaded'] as const)('is worth a retry: %s', async (code) => {
    const { app } = testApp({ outcome: { type: 'unavailable', code, detail: 'Later.' } });
    const response = await app.request('/v1/transfers', post(body, KEY));
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code });
  });

  it.each(['respond-async', 'wait=10, respond-async', 'Respond-Async; x=1'])(
    'is pending with Prefer: %s',
    async (prefer) => {
      const { app, carried } = testApp({ outcome: { type: 'accepted', workflowId: `transfer/${id}` } });
      const response = await app.request('/v1/transfers', post(body, { ...KEY, prefer }));
      expect(carried[0]?.wait).toBe(false);
      expect(response.status).toBe(202);
      expect(response.headers.get('location')).toBe(`/v1/transfers/${id}`);
      expect(response.headers.get('preference-applied')).toBe('respond-async');
      expect(await response.json()).toEqual({
        id,
        kind: 'transfer',
        status: 'pending',
        ...body,
        reference: null,
        metadata: {},
        created_at: NOW.toISOString(),
        workflow_id: `transfer/${id}`,
      });
    },
  );

  it('is waited for without that preference', async () => {
    const { app, carried } = testApp();
    await app.request(
      '/v1/transfers',
      post(body, { ...KEY, prefer: 'wait=5, return=minimal, respond-asynchronously' }),
    );
    expect(carried[0]?.wait).toBe(true);
  });

  it.each([
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', true],
    ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', false],
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01', false],
    ['00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01', false],
    ['ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', false],
    ['junk', false],
  ])('carries the trace %s on: %s', async (traceparent, valid) => {
    const { app, carried } = testApp();
    const response = await app.request('/v1/transfers', post(body, { ...KEY, traceparent }));
    expect(response.status).toBe(201);
    expect(carried[0]?.request.traceparent).toBe(valid ? traceparent : undefined);
  });

  it.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
  ])('takes %s', async (type) => {
    const { app } = testApp();
    expect((await app.request('/v1/transfers', post(body, { ...KEY, 'content-type': type }))).status).toBe(
      201,
    );
  });

  it('takes a body whose length is not declared', async () => {
    const { app, carried } = testApp();
    const stream = new Blob([JSON.stringify({ ...body, reference: 'é'.repeat(255) })]).stream();
    const init = { ...post('', KEY), body: stream, duplex: 'half' } as RequestInit;
    expect((await app.request('/v1/transfers', init)).status).toBe(201);
    expect(carried[0]?.request).toMatchObject({ reference: 'é'.repeat(255) });
  });
});

describe('a command about an account', () => {
  it('creates it with the id that the client chose', async () => {
    const { app, carried } = testApp();
    const wanted = {
      id: 'alice',
      owner: 'Alice',
      currency: 'EUR',
      overdraft_limit: '500',
      metadata: { a: 'b' },
    };
    const response = await app.request('/v1/accounts', post(wanted));
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe('/v1/accounts/alice');
    expect(response.headers.get('etag')).toBe('"3"');
    expect(response.headers.get('ledger-position')).toBe('7');
    expect(await response.json()).toEqual(account());
    expect(carried[0]?.request).toMatchObject({ type: 'account.create', ...wanted, command_id: '0000-1' });
  });

  it('creates it with an id of its own where the client chose none', async () => {
    const { app, carried } = testApp();
    const response = await app.request('/v1/accounts', post({ owner: 'Alice', currency: 'EUR' }));
    const created = carried[0]?.request.id;
    expect(created).toMatch(/^acc_[0-9]+$/);
    expect(response.headers.get('location')).toBe(`/v1/accounts/${created}`);
    expect(carried[0]?.request).toMatchObject({ overdraft_limit: '0', metadata: {} });
  });

  it('changes its status, with a reason or with no body at all', async () => {
    const { app, carried } = testApp();
    const path = '/v1/accounts/alice';
    const requests: [string, RequestInit][] = [
      [`${path}/freeze`, post({ reason: 'lost card' })],
      [`${path}/unfreeze`, { method: 'POST' }],
      [`${path}/close`, post('')],
      [`${path}/close`, post('', { 'content-length': '0' })],
      [`${path}/close`, { method: 'POST', headers: { 'content-length': '0' } }],
    ];
    for (const [url, init] of requests) {
      const response = await app.request(url, init);
      expect(response.status).toBe(200);
      expect(response.headers.get('etag')).toBe('"3"');
      expect(response.headers.get('ledger-position')).toBe('7');
    }
    const closed = { type: 'account.close', id: 'alice' };
    expect(carried.map(({ request }) => request)).toMatchObject([
      { type: 'account.freeze', id: 'alice', reason: 'lost card' },
      { type: 'account.unfreeze', id: 'alice' },
      closed,
      closed,
      closed,
    ]);
  });

  it('is not marked as replayed without a key', async () => {
    const outcome = { type: 'recorded', replayed: true, result: { ...stored, account: account() } } as const;
    const { app } = testApp({ outcome });
    const headers = (await app.request('/v1/accounts/alice/freeze', { method: 'POST' })).headers;
    expect(headers.get('idempotency-replayed')).toBeNull();
    const keyed = await app.request('/v1/accounts/alice/freeze', { method: 'POST', headers: KEY });
    expect(keyed.headers.get('idempotency-replayed')).toBe('true');
  });

  it.each([
    ['account_not_found', 404],
    ['account_not_empty', 409],
    ['account_closed', 422],
  ] as const)('is a problem when it is refused: %s', async (code, status) => {
    const { app } = testApp({ outcome: { type: 'error', rejection: { code, detail: 'Why.' } } });
    const response = await app.request('/v1/accounts/alice/close', { method: 'POST' });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      code,
      detail: 'Why.',
      instance: '/v1/accounts/alice/close',
    });
  });

  it('is accepted with Prefer: respond-async', async () => {
    const { app } = testApp({ outcome: { type: 'accepted', workflowId: 'account/alice' } });
    const create = post({ id: 'alice', owner: 'Alice', currency: 'EUR' }, { prefer: 'respond-async' });
    const freeze = post({}, { prefer: 'respond-async' });
    for (const response of [
      await app.request('/v1/accounts', create),
      await app.request('/v1/accounts/alice/freeze', freeze),
    ]) {
      expect(response.status).toBe(202);
      expect(response.headers.get('location')).toBe('/v1/accounts/alice');
      expect(response.headers.get('preference-applied')).toBe('respond-async');
      expect(await response.json()).toEqual({ id: 'alice', workflow_id: 'account/alice' });
    }
  });
});

describe('every answer', () => {
  it('has the id of the request, echoed or new', async () => {
    const { app } = testApp();
    const echoed = await app.request('/v1/transfers', post(body, { ...KEY, 'x-request-id': 'abc-1' }));
    expect(echoed.headers.get('x-request-id')).toBe('abc-1');
    const made = await app.request('/v1/transfers', post(body, { ...KEY, 'x-request-id': 'not an id' }));
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('tells browsers to keep to what it is', async () => {
    const { headers } = await testApp().app.request('/v1/transfers', post(body, KEY));
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
  });
});
