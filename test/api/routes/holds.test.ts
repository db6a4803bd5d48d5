import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { idempotencyKey } from '../../../api/commands/idempotency.ts';
import { holdResource } from '../../../contracts/http.ts';
import { hold, NOW, post, readStore, testApp } from '../fixtures/fixtures.ts';
import { ledgerApp } from '../fixtures/memory-ledger.ts';
import { KEY } from '../fixtures/rejected.ts';

const id = idempotencyKey('order-42').holdId;
const path = `/v1/holds/${id}`;
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000).toISOString();
const body = { account: 'alice', amount: '300', currency: 'EUR' };
const key = (name: string) => ({ 'idempotency-key': name });
const read = async (response: Response) => holdResource.parse(await response.json());

describe('a hold', () => {
  it('sets money aside', async () => {
    const { app, balances } = await ledgerApp();
    const full = {
      ...body,
      destination: 'bob',
      expires_in_seconds: 60,
      reference: 'room-7',
      metadata: { a: 'b' },
    };
    const response = await app.request('/v1/holds', post(full, KEY));
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(path);
    expect(response.headers.get('ledger-position')).not.toBeNull();
    const placed = await read(response);
    expect(placed).toMatchObject({
      ...body,
      id,
      status: 'active',
      captured: '0',
      destination: 'bob',
      expires_at: at(60),
      reference: 'room-7',
      metadata: { a: 'b' },
      created_at: NOW.toISOString(),
      workflow_id: `hold/${id}`,
    });
    expect(balances('alice')).toEqual({ posted: '1000', held: '300', available: '700' });
    expect(await read(await app.request(path))).toEqual(placed);
  });

  it('does not expire if nobody says when', async () => {
    const { app } = await ledgerApp();
    const placed = await read(await app.request('/v1/holds', post(body, KEY)));
    expect(placed).not.toHaveProperty('expires_at');
    expect(placed.destination).toBeNull();
  });

  it('is refused if the account cannot spare it', async () => {
    const { app } = await ledgerApp();
    for (const replayed of [null, 'true']) {
      const response = await app.request('/v1/holds', post({ ...body, amount: '1001' }, KEY));
      expect(response.status).toBe(422);
      expect(response.headers.get('idempotency-replayed')).toBe(replayed);
      expect(await response.json()).toMatchObject({ code: 'insufficient_funds' });
    }
    expect((await app.request(path)).status).toBe(404);
    const nobody = await app.request('/v1/holds', post({ ...body, account: 'nobody' }, key('nobody')));
    expect(nobody.status).toBe(404);
    expect(await nobody.json()).toMatchObject({ code: 'account_not_found' });
  });

  it('is placed once by its key', async () => {
    const { app, balances } = await ledgerApp();
    const first = await (await app.request('/v1/holds', post(body, KEY))).text();
    await app.request(`${path}/void`, { method: 'POST' });
    const again = await app.request('/v1/holds', post(body, KEY));
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.text()).toBe(first);
    const other = await app.request('/v1/holds', post({ ...body, amount: '301' }, KEY));
    expect(await other.json()).toMatchObject({ code: 'idempotency_key_reused' });
    expect(balances('alice')).toMatchObject({ held: '0' });
  });
});

describe('the capture of a hold', () => {
  it('moves all of it without a body, out of the ledger', async () => {
    const { app, balances } = await ledgerApp();
    await app.request('/v1/holds', post(body, KEY));
    const response = await app.request(`${path}/capture`, { method: 'POST', headers: key('capture-1') });
    expect(response.status).toBe(200);
    expect(response.headers.get('ledger-position')).not.toBeNull();
    const transfer = idempotencyKey('capture-1').captureId;
    expect(await read(response)).toMatchObject({ id, status: 'captured', captured: '300', transfer });
    expect(balances('alice')).toEqual({ posted: '700', held: '0', available: '700' });
    expect(await (await app.request(`/v1/transfers/${transfer}`)).json()).toMatchObject({
      kind: 'capture',
      source: 'alice',
      destination: 'world_EUR',
      hold: id,
    });
  });

  it('moves a part of it to where it is told, and lets the rest go', async () => {
    const { app, balances } = await ledgerApp();
    await app.request('/v1/holds', post(body, KEY));
    const part = { amount: '100', destination: 'carol' };
    const response = await app.request(`${path}/capture`, post(part, key('capture-1')));
    expect(await read(response)).toMatchObject({ status: 'captured', amount: '300', captured: '100' });
    expect(balances('alice')).toMatchObject({ posted: '900', held: '0' });
    expect(balances('carol')).toMatchObject({ posted: '100' });
  });

  it('makes another transfer than a transfer with the same key', () => {
    const { transferId, captureId, holdId } = idempotencyKey('order-42');
    expect(captureId).toMatch(/^tr_[0-9a-f]{32}$/);
    expect(holdId).toMatch(/^hold_[0-9a-f]{32}$/);
    expect(captureId).not.toBe(transferId);
  });

  it('is done once by its key', async () => {
    const { app } = await ledgerApp();
    await app.request('/v1/holds', post(body, KEY));
    await app.request('/v1/holds', post(body, key('other')));
    const first = await (await app.request(`${path}/capture`, post({}, key('capture-1')))).text();
    const again = await app.request(`${path}/capture`, { method: 'POST', headers: key('capture-1') });
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.text()).toBe(first);
    for (const [other, wanted] of [
      [path, { amount: '1' }],
      [`/v1/holds/${idempotencyKey('other').holdId}`, {}],
    ] as const) {
      const response = await app.request(`${other}/capture`, post(wanted, key('capture-1')));
      expect(await response.json()).toMatchObject({ code: 'idempotency_key_reused' });
    }
  });

  it('is refused for more than is held, and the hold stays', async () => {
    const { app } = await ledgerApp();
    await app.request('/v1/holds', post(body, KEY));
    const response = await app.request(`${path}/capture`, post({ amount: '301' }, key('capture-1')));
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: 'amount_exceeds_hold' });
    expect((await read(await app.request(path))).status).toBe('active');
  });
});

describe('a hold that is there', () => {
  it('is voided with a reason', async () => {
    const { app, balances } = await ledgerApp();
    await app.request('/v1/holds', post(body, KEY));
    const response = await app.request(`${path}/void`, post({ reason: 'guest left' }));
    expect(response.status).toBe(200);
    expect(await read(response)).toMatchObject({ status: 'voided', reason: 'guest left' });
    expect(balances('alice')).toMatchObject({ posted: '1000', held: '0' });
  });

  it('is extended from now on', async () => {
    const { app } = await ledgerApp();
    await app.request('/v1/holds', post({ ...body, expires_in_seconds: 60 }, KEY));
    const response = await app.request(`${path}/extend`, post({ expires_in_seconds: 120 }));
    expect(response.status).toBe(200);
    expect(await read(response)).toMatchObject({ status: 'active', expires_at: at(120) });
    const shorter = await app.request(`${path}/extend`, post({ expires_in_seconds: 1 }));
    expect((await read(shorter)).expires_at).toBe(at(120));
  });

  it.each(['capture', 'void', 'extend'])('must be there, and active: %s', async (action) => {
    const { app } = await ledgerApp();
    const asked = (name: string) => {
      const wanted = action === 'extend' ? { expires_in_seconds: 60 } : {};
      return app.request(`/v1/holds/${name}/${action}`, post(wanted, key(name)));
    };
    const missing = await asked('hold_none');
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ code: 'hold_not_found' });
    await app.request('/v1/holds', post(body, KEY));
    await app.request(`${path}/void`, { method: 'POST' });
    const ended = await asked(id);
    expect(ended.status).toBe(409);
    expect(await ended.json()).toMatchObject({ code: 'hold_not_active' });
  });

  it.each([
    ['extend', { expires_in_seconds: 60 }],
    ['capture', {}],
    ['void', {}],
  ])('is answered later with Prefer: respond-async: %s', async (action, wanted) => {
    const { app } = await ledgerApp();
    const prefer = { prefer: 'respond-async' };
    for (const response of [
      await app.request('/v1/holds', post(body, { ...KEY, ...prefer })),
      await app.request(`${path}/${action}`, post(wanted, { ...key(action), ...prefer })),
    ]) {
      expect(response.status).toBe(202);
      expect(response.headers.get('location')).toBe(path);
      expect(response.headers.get('preference-applied')).toBe('respond-async');
      expect(await response.json()).toEqual({ id, workflow_id: `hold/${id}` });
    }
  });
});

describe('a query about holds', () => {
  it('finds what a command has just placed', async () => {
    const { app } = await ledgerApp({ shown: false });
    const placed = await read(await app.request('/v1/holds', post(body, KEY)));
    expect(await read(await app.request(path))).toEqual(placed);
    const response = await app.request('/v1/holds/hold_none');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'hold_not_found' });
  });

  it('says nothing of what is not decided: it is worth another try', async () => {
    const meta = { command_id: 'c', requested_at: NOW.toISOString(), actor: 'anonymous', fingerprint: 'f' };
    const request = { ...meta, type: 'hold.place', id, ...body } as const;
    const commands = {
      carryOut: () => Promise.reject(new Error('A query carries nothing out.')),
      find: () => Promise.resolve({ type: 'running', request, workflowId: `hold/${id}` } as const),
    };
    const response = await testApp({ commands }).app.request(path);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
  });

  it('lists them in pages, by account and status', async () => {
    const holds = Array.from({ length: 60 }, (_, n) =>
      hold({
        id: `hold_${n}`,
        account: n % 2 === 0 ? 'alice' : 'bob',
        status: n % 3 === 0 ? 'voided' : 'active',
      }),
    );
    const { app } = testApp({ readStore: readStore({ holds }) });
    const page = z.object({ data: z.array(holdResource), next_cursor: z.string().nullable() });
    const get = async (query: string) => page.parse(await (await app.request(`/v1/holds${query}`)).json());
    expect((await get('')).data).toEqual(holds.slice(0, 50));
    expect((await get('?cursor=50')).data).toEqual(holds.slice(50));
    expect((await get('?account=bob&status=voided&limit=500')).data).toHaveLength(10);
    expect((await app.request('/v1/holds?cursor=nonsense')).status).toBe(400);
  });
});
