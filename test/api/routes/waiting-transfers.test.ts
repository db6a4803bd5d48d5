import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { idempotencyKey } from '../../../api/commands/idempotency.ts';
import { problem, transferResource } from '../../../contracts/http.ts';
import { NOW, post, testApp } from '../fixtures/fixtures.ts';
import { ledgerApp } from '../fixtures/memory-ledger.ts';
import { deposit, KEY, transfer } from '../fixtures/rejected.ts';

const id = idempotencyKey('order-42').transferId;
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000).toISOString();
const small = { ...transfer, amount: '300' };
const forApproval = { ...small, approval: { timeout_seconds: 60 } };
const read = async (response: Response) => transferResource.parse(await response.json());
const codeIn = async (response: Response) => problem.parse(await response.json()).code;

describe('a transfer that somebody has to approve', () => {
  it('is 202 with what it waits for, and holds the money', async () => {
    const { app, balances } = await ledgerApp();
    const response = await app.request('/v1/transfers', post(forApproval, KEY));
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe(`/v1/transfers/${id}`);
    expect(Number(response.headers.get('ledger-position'))).toBeGreaterThan(0);
    expect(response.headers.get('preference-applied')).toBeNull();
    const waiting = await read(response);
    expect(waiting).toMatchObject({ id, status: 'awaiting_approval', approval_expires_at: at(60) });
    expect(waiting).not.toHaveProperty('completed_at');
    expect(balances('alice')).toEqual({ posted: '1000', held: '300', available: '700' });
    expect(await read(await app.request(`/v1/transfers/${id}`))).toEqual(waiting);
  });

  it.each([
    ['approve', 'posted', '700'],
    ['reject', 'rejected', '1000'],
    ['cancel', 'cancelled', '1000'],
  ])('ends when somebody says so: %s', async (action, status, posted) => {
    const { app, balances } = await ledgerApp();
    await app.request('/v1/transfers', post(forApproval, KEY));
    const response = await app.request(`/v1/transfers/${id}/${action}`, post({ reason: 'asked the bank' }));
    expect(response.status).toBe(200);
    expect(response.headers.get('ledger-position')).not.toBeNull();
    const ended = await read(response);
    expect(ended).toMatchObject({ id, status });
    if (status !== 'posted') expect(ended.reason).toBe('asked the bank');
    expect(balances('alice')).toMatchObject({ posted, held: '0' });
    const again = await app.request(`/v1/transfers/${id}/${action}`, { method: 'POST' });
    expect(again.status).toBe(409);
    expect(await codeIn(again)).toBe('transfer_not_pending');
  });

  it('gives the same key its first answer for ever', async () => {
    const { app } = await ledgerApp();
    const first = await (await app.request('/v1/transfers', post(forApproval, KEY))).text();
    const approval = post({}, { 'idempotency-key': 'approve-1' });
    const approved = await (await app.request(`/v1/transfers/${id}/approve`, approval)).text();
    const again = await app.request('/v1/transfers', post(forApproval, KEY));
    expect(again.status).toBe(202);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.text()).toBe(first);
    const approvedAgain = await app.request(`/v1/transfers/${id}/approve`, approval);
    expect(approvedAgain.status).toBe(200);
    expect(approvedAgain.headers.get('idempotency-replayed')).toBe('true');
    expect(await approvedAgain.text()).toBe(approved);
  });

  it('takes a key for one answer only', async () => {
    const { app } = await ledgerApp();
    await app.request('/v1/transfers', post(forApproval, KEY));
    const key = { 'idempotency-key': 'approve-1' };
    await app.request(`/v1/transfers/${id}/approve`, post({}, key));
    for (const [path, body] of [
      [`/v1/transfers/${id}/approve`, { reason: 'x' }],
      [`/v1/transfers/${id}/cancel`, {}],
      ['/v1/transfers/tr_opening/approve', {}],
    ] as const) {
      const response = await app.request(path, post(body, key));
      expect(response.status).toBe(422);
      expect(await codeIn(response)).toBe('idempotency_key_reused');
    }
  });

  it('is a problem with its id if it cannot be posted any more', async () => {
    const { app, carryOut } = await ledgerApp();
    await app.request('/v1/transfers', post(forApproval, KEY));
    await carryOut({ type: 'account.freeze', id: 'alice' });
    const approval = () => app.request(`/v1/transfers/${id}/approve`, post({}, { 'idempotency-key': 'a' }));
    for (const replayed of [null, 'true']) {
      const response = await approval();
      expect(response.status).toBe(422);
      expect(response.headers.get('idempotency-replayed')).toBe(replayed);
      expect(response.headers.get('ledger-position')).not.toBeNull();
      expect(await response.json()).toMatchObject({ code: 'account_frozen', transfer: id });
    }
    const failed = await read(await app.request(`/v1/transfers/${id}`));
    expect(failed).toMatchObject({ status: 'failed', reason: 'account_frozen' });
  });

  it('is refused at once if the money is not there', async () => {
    const { app } = await ledgerApp();
    const response = await app.request('/v1/transfers', post({ ...forApproval, amount: '1001' }, KEY));
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: 'insufficient_funds', transfer: id });
  });

  it('that nobody knows cannot be answered', async () => {
    const { app } = await ledgerApp();
    for (const action of ['approve', 'reject', 'cancel']) {
      const response = await app.request(`/v1/transfers/tr_none/${action}`, { method: 'POST' });
      expect(response.status).toBe(404);
      expect(await codeIn(response)).toBe('transfer_not_found');
    }
  });
});

describe('a transfer with a date', () => {
  it('is 202 and holds nothing', async () => {
    const { app, balances } = await ledgerApp();
    const body = { ...small, scheduled_for: '2027-01-01T00:00:00Z' };
    const response = await app.request('/v1/transfers', post(body, KEY));
    expect(response.status).toBe(202);
    const scheduled = await read(response);
    expect(scheduled).toMatchObject({ status: 'scheduled', scheduled_for: '2027-01-01T00:00:00.000Z' });
    expect(balances('alice')).toMatchObject({ held: '0' });
    const approval = await app.request(`/v1/transfers/${id}/approve`, { method: 'POST' });
    expect(await codeIn(approval)).toBe('transfer_not_pending');
    const cancelled = await app.request(`/v1/transfers/${id}/cancel`, { method: 'POST' });
    expect((await read(cancelled)).status).toBe('cancelled');
  });

  it('waits for it after it was approved', async () => {
    const { app } = await ledgerApp();
    const body = { ...forApproval, scheduled_for: at(3_600) };
    await app.request('/v1/transfers', post(body, KEY));
    const response = await app.request(`/v1/transfers/${id}/approve`, { method: 'POST' });
    expect(response.status).toBe(200);
    expect((await read(response)).status).toBe('scheduled');
  });

  it('is the same request however the date is written', async () => {
    const { app, carried } = testApp();
    for (const date of ['2027-01-01T00:00:00Z', '2027-01-01T00:00:00.000999Z', '2027-01-01T00:00:00.000Z']) {
      await app.request('/v1/transfers', post({ ...small, scheduled_for: date }, KEY));
    }
    const [first, ...others] = carried.map(({ request }) => request);
    expect(first).toMatchObject({ scheduled_for: '2027-01-01T00:00:00.000Z' });
    expect(others).toEqual([first, first]);
  });

  it.each([at(-3_600), '1970-01-01T00:00:00Z', '2036-11-23T08:00:00Z'])('may be %s', async (date) => {
    const { app, carried } = testApp();
    await app.request('/v1/transfers', post({ ...small, scheduled_for: date }, KEY));
    expect(carried[0]?.request).toMatchObject({ scheduled_for: new Date(date).toISOString() });
  });
});

describe('a withdrawal through a payment rail', () => {
  it('is 202 and pending, and holds the money', async () => {
    const { app, balances } = await ledgerApp();
    const body = { ...deposit, amount: '300', rail: 'simulator' };
    const response = await app.request('/v1/withdrawals', post(body, KEY));
    expect(response.status).toBe(202);
    expect(await read(response)).toMatchObject({ kind: 'withdrawal', status: 'pending', rail: 'simulator' });
    expect(balances('alice')).toMatchObject({ posted: '1000', held: '300' });
    const cancelled = await app.request(`/v1/transfers/${id}/cancel`, { method: 'POST' });
    expect(cancelled.status).toBe(409);
  });
});

describe('Prefer: respond-async', () => {
  const async = { ...KEY, prefer: 'respond-async' };

  it('is answered with what was asked for, however long it will wait', async () => {
    const { app } = await ledgerApp();
    const body = { ...forApproval, scheduled_for: at(60) };
    const response = await app.request('/v1/transfers', post(body, async));
    expect(response.status).toBe(202);
    expect(response.headers.get('ledger-position')).toBeNull();
    expect(await response.json()).toEqual({
      ...small,
      id,
      kind: 'transfer',
      status: 'pending',
      reference: null,
      metadata: {},
      approval_expires_at: at(60),
      scheduled_for: at(60),
      created_at: NOW.toISOString(),
      workflow_id: `transfer/${id}`,
    });
  });

  it.each(['approve', 'reject', 'cancel'])('goes for the answer to it too: %s', async (action) => {
    const { app } = await ledgerApp();
    await app.request('/v1/transfers', post(forApproval, KEY));
    const response = await app.request(`/v1/transfers/${id}/${action}`, post({}, async));
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe(`/v1/transfers/${id}`);
    expect(response.headers.get('preference-applied')).toBe('respond-async');
    expect(await response.json()).toEqual({ id, workflow_id: `transfer/${id}` });
  });
});

describe('a list of transfers', () => {
  it('is filtered by what they belong to', async () => {
    const { app, carryOut } = await ledgerApp();
    const moved = { type: 'transfer', kind: 'transfer', ...transfer, amount: '1' };
    await carryOut({ ...moved, id: 'tr_schedule', schedule: 'sch_1' });
    await carryOut({ ...moved, id: 'tr_bulk', bulk: 'bulk_1' });
    await carryOut({ type: 'reversal', id: 'tr_back', reverses: 'tr_bulk' });
    const listed = z.object({ data: z.array(transferResource) });
    for (const [query, found] of [
      ['schedule=sch_1', 'tr_schedule'],
      ['bulk=bulk_1', 'tr_bulk'],
      ['reverses=tr_bulk', 'tr_back'],
    ]) {
      const { data } = listed.parse(await (await app.request(`/v1/transfers?${query}`)).json());
      expect(data.map((one) => one.id)).toEqual([found]);
    }
  });
});
