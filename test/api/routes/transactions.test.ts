import { describe, expect, it } from 'vitest';
import { idempotencyKey } from '../../../api/commands/idempotency.ts';
import { transferResource } from '../../../contracts/http.ts';
import { post, testApp } from '../fixtures/fixtures.ts';
import { ledgerApp } from '../fixtures/memory-ledger.ts';
import { KEY } from '../fixtures/rejected.ts';

const id = idempotencyKey('order-42').transferId;
const line = (account: string, direction: 'debit' | 'credit', amount: string) => {
  return { account, direction, amount, currency: 'EUR' };
};
const entries = [line('alice', 'debit', '300'), line('bob', 'credit', '100'), line('carol', 'credit', '200')];

describe('a transaction', () => {
  it('posts all its entries', async () => {
    const { app, balances } = await ledgerApp();
    const body = { entries, reference: 'split-1', metadata: { a: 'b' }, rate: '1.0825' };
    const response = await app.request('/v1/transactions', post(body, KEY));
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/v1/transactions/${id}`);
    expect(response.headers.get('ledger-position')).not.toBeNull();
    const posted = transferResource.parse(await response.json());
    expect(posted).toMatchObject({
      id,
      kind: 'transaction',
      status: 'posted',
      source: null,
      destination: null,
      amount: null,
      currency: null,
      entries,
      reference: 'split-1',
      metadata: { a: 'b', rate: '1.0825' },
    });
    expect(['alice', 'bob', 'carol'].map((name) => balances(name)?.posted)).toEqual(['700', '100', '200']);
    for (const collection of ['transactions', 'transfers']) {
      expect(await (await app.request(`/v1/${collection}/${id}`)).json()).toEqual(posted);
    }
  });

  it('is a problem with its id if it is rejected', async () => {
    const { app, balances } = await ledgerApp();
    const unbalanced = [line('alice', 'debit', '300'), line('bob', 'credit', '299')];
    const poor = [line('bob', 'debit', '1'), line('alice', 'credit', '1')];
    for (const [code, wrong] of [
      ['entries_unbalanced', unbalanced],
      ['insufficient_funds', poor],
    ] as const) {
      const headers = { 'idempotency-key': code };
      const response = await app.request('/v1/transactions', post({ entries: wrong }, headers));
      expect(response.status).toBe(422);
      const transfer = idempotencyKey(code).transferId;
      expect(await response.json()).toMatchObject({ code, transfer });
      expect(await (await app.request(`/v1/transactions/${transfer}`)).json()).toMatchObject({
        status: 'rejected',
        reason: code,
      });
    }
    expect(balances('alice')).toMatchObject({ posted: '1000' });
  });

  it('is done once by its key, which no transfer can have beside it', async () => {
    const { app } = await ledgerApp();
    const first = await (await app.request('/v1/transactions', post({ entries }, KEY))).text();
    const again = await app.request('/v1/transactions', post({ entries, metadata: {} }, KEY));
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.text()).toBe(first);
    const transfer = { source: 'alice', destination: 'bob', amount: '1', currency: 'EUR' };
    const reused = await app.request('/v1/transfers', post(transfer, KEY));
    expect(await reused.json()).toMatchObject({ code: 'idempotency_key_reused' });
    const reordered = { entries: entries.toReversed() };
    const other = await app.request('/v1/transactions', post(reordered, KEY));
    expect(await other.json()).toMatchObject({ code: 'idempotency_key_reused' });
  });

  it('may have 500 entries of 100 accounts', async () => {
    const { app, carried } = testApp();
    const many = Array.from({ length: 500 }, (_, n) =>
      line(`a${n % 100}`, n % 2 === 0 ? 'debit' : 'credit', '1'),
    );
    expect((await app.request('/v1/transactions', post({ entries: many }, KEY))).status).toBe(201);
    expect(carried[0]?.request).toMatchObject({ type: 'transaction', id, entries: many, metadata: {} });
  });

  it('keeps a rate beside 49 keys', async () => {
    const { app, carried } = testApp();
    const metadata = Object.fromEntries(Array.from({ length: 49 }, (_, n) => [`k${n}`, 'v']));
    const body = { entries, metadata, rate: '0.000001' };
    expect((await app.request('/v1/transactions', post(body, KEY))).status).toBe(201);
    expect(carried[0]?.request).toMatchObject({ metadata: { ...metadata, rate: '0.000001' } });
  });

  it('is pending with Prefer: respond-async', async () => {
    const { app } = await ledgerApp();
    const response = await app.request(
      '/v1/transactions',
      post({ entries }, { ...KEY, prefer: 'respond-async' }),
    );
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe(`/v1/transactions/${id}`);
    const pending = transferResource.parse(await response.json());
    expect(pending).toMatchObject({ id, kind: 'transaction', status: 'pending', amount: null, entries });
  });

  it('is known before the read model shows it, and no other transfer is one', async () => {
    const { app } = await ledgerApp({ shown: false });
    await app.request('/v1/transactions', post({ entries }, KEY));
    expect((await app.request(`/v1/transactions/${id}`)).status).toBe(200);
    for (const other of ['tr_opening', 'tr_none']) {
      const response = await app.request(`/v1/transactions/${other}`);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: 'transfer_not_found' });
    }
  });
});
