import { describe, expect, it } from 'vitest';
import { idempotencyKey } from '../../../api/commands/idempotency.ts';
import { transferResource } from '../../../contracts/http.ts';
import { NOW, post } from '../fixtures/fixtures.ts';
import { ledgerApp } from '../fixtures/memory-ledger.ts';

const path = '/v1/transfers/tr_opening/reversal';
const key = (name: string) => ({ 'idempotency-key': name });
const id = idempotencyKey('back-1').transferId;
const read = async (response: Response) => transferResource.parse(await response.json());

describe('a reversal', () => {
  it('undoes a whole transfer without a body', async () => {
    const { app, balances } = await ledgerApp();
    const response = await app.request(path, { method: 'POST', headers: key('back-1') });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/v1/transfers/${id}`);
    expect(response.headers.get('ledger-position')).not.toBeNull();
    expect(await read(response)).toMatchObject({
      id,
      kind: 'reversal',
      status: 'posted',
      source: 'alice',
      destination: 'world_EUR',
      amount: '1000',
      reverses: 'tr_opening',
    });
    expect(balances('alice')).toMatchObject({ posted: '0' });
  });

  it('undoes parts of it, but never more than was moved', async () => {
    const { app } = await ledgerApp();
    const body = { amount: '400', reference: 'refund-1', metadata: { a: 'b' } };
    const response = await app.request(path, post(body, key('back-1')));
    expect(await read(response)).toMatchObject({
      amount: '400',
      reference: 'refund-1',
      metadata: { a: 'b' },
    });
    const tooMuch = await app.request(path, post({ amount: '601' }, key('back-2')));
    expect(tooMuch.status).toBe(422);
    const transfer = idempotencyKey('back-2').transferId;
    expect(await tooMuch.json()).toMatchObject({ code: 'amount_exceeds_transfer', transfer });
    expect((await read(await app.request(path, post({}, key('back-3'))))).amount).toBe('600');
    expect((await read(await app.request('/v1/transfers/tr_opening'))).reversed).toBe('1000');
  });

  it('is done once by its key', async () => {
    const { app } = await ledgerApp();
    const first = await (await app.request(path, post({ amount: '400' }, key('back-1')))).text();
    const again = await app.request(path, post({ amount: '400' }, key('back-1')));
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.text()).toBe(first);
    for (const [other, body] of [
      [path, { amount: '401' }],
      ['/v1/transfers/tr_other/reversal', { amount: '400' }],
      ['/v1/transfers', { source: 'alice', destination: 'bob', amount: '400', currency: 'EUR' }],
    ] as const) {
      const response = await app.request(other, post(body, key('back-1')));
      expect(await response.json()).toMatchObject({ code: 'idempotency_key_reused' });
    }
  });

  it('is refused where there is nothing to undo', async () => {
    const { app, carryOut } = await ledgerApp();
    const waiting = { kind: 'transfer', source: 'alice', destination: 'bob', amount: '5', currency: 'EUR' };
    const scheduled_for = '2027-01-01T00:00:00.000Z';
    await carryOut({ type: 'transfer', id: 'tr_waiting', ...waiting, scheduled_for });
    await carryOut({ type: 'reversal', id: 'tr_back', reverses: 'tr_opening' });
    for (const [name, status, code] of [
      ['tr_none', 404, 'transfer_not_found'],
      ['tr_waiting', 409, 'transfer_not_posted'],
      ['tr_opening', 409, 'already_reversed'],
    ] as const) {
      const response = await app.request(`/v1/transfers/${name}/reversal`, post({}, key(name)));
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ code });
    }
  });

  it('is pending with Prefer: respond-async', async () => {
    const { app } = await ledgerApp();
    const headers = { ...key('back-1'), prefer: 'respond-async' };
    const response = await app.request(path, post({ amount: '400' }, headers));
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe(`/v1/transfers/${id}`);
    expect(await response.json()).toEqual({
      id,
      kind: 'reversal',
      status: 'pending',
      source: null,
      destination: null,
      amount: '400',
      currency: null,
      reference: null,
      metadata: {},
      reverses: 'tr_opening',
      created_at: NOW.toISOString(),
      workflow_id: `transfer/${id}`,
    });
  });
});
