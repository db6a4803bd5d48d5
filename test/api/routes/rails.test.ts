import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CommandOutcome } from '../../../api/commands/commands.ts';
import type { TransferResource } from '../../../contracts/http.ts';
import { sign } from '../../../rails/signature.ts';
import { NOW, post, RAILS, testApp, transfer } from '../fixtures/fixtures.ts';
import { deposit, KEY } from '../fixtures/rejected.ts';

const PATH = '/v1/rails/simulator/callbacks';
const settled = { id: 'tr_1', state: 'settled' };

function signed(body: unknown, secret = RAILS.secret, now = NOW): RequestInit {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return post(text, sign(secret, { id: `msg_${randomUUID()}`, body: text }, now));
}

const answered = (status: TransferResource['status']): CommandOutcome => ({
  type: 'recorded',
  replayed: false,
  result: { position: 9, replayed: false, created: false, transfer: transfer({ status, rail: 'simulator' }) },
});

describe('a withdrawal', () => {
  it('goes out through a rail that there is', async () => {
    const { app, carried } = testApp();
    await app.request('/v1/withdrawals', post({ ...deposit, rail: 'simulator' }, KEY));
    expect(carried).toMatchObject([{ request: { kind: 'withdrawal', rail: 'simulator' } }]);
  });

  it('is invalid with any other, and the message names those that there are', async () => {
    const { app, carried } = testApp();
    const response = await app.request('/v1/withdrawals', post({ ...deposit, rail: 'pigeon' }, KEY));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'invalid_request',
      errors: [{ path: 'rail', message: expect.stringContaining('simulator') }],
    });
    expect(carried).toEqual([]);
  });
});

describe('a callback', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('is passed on as what the rail says, and tells what became of the transfer', async () => {
    const { app, carried } = testApp({ outcome: answered('failed') });
    const body = { id: 'tr_1', state: 'declined', reason: 'no such bank', anything: 'else' };
    const response = await app.request(PATH, signed(body));
    expect([response.status, await response.json()]).toEqual([200, { id: 'tr_1', status: 'failed' }]);
    expect(response.headers.get('ledger-position')).toBe('9');
    expect(carried).toMatchObject([
      {
        wait: true,
        request: {
          type: 'transfer.railReported',
          id: 'tr_1',
          rail: 'simulator',
          state: 'declined',
          reason: 'no such bank',
          actor: 'rail/simulator',
        },
      },
    ]);
  });

  it('that only says that the payment is on its way is taken, and changes nothing', async () => {
    const { app, carried } = testApp();
    const response = await app.request(PATH, signed({ id: 'tr_1', state: 'accepted' }));
    expect([response.status, await response.json()]).toEqual([200, { id: 'tr_1' }]);
    expect(carried).toEqual([]);
  });

  it.each([
    ['without a signature', post(settled)],
    ['signed with another secret', signed(settled, 'another secret')],
    ['signed ten minutes ago', signed(settled, RAILS.secret, new Date(NOW.getTime() - 600_000))],
    ['changed on the way', { ...signed(settled), body: JSON.stringify({ ...settled, state: 'declined' }) }],
    [
      'written another way than it was signed',
      { ...signed(settled), body: JSON.stringify(settled, null, 1) },
    ],
  ])('%s is refused, and reaches nothing', async (_, request) => {
    const { app, carried } = testApp();
    const response = await app.request(PATH, request);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Webhook-Signature']);
    expect(await response.json()).toMatchObject({ code: 'unauthenticated' });
    expect(carried).toEqual([]);
  });

  it('is verified as the bytes that came, whatever they are', async () => {
    const { app, carried } = testApp({ outcome: answered('posted') });
    const odd = ` {"state" : "settled", "id":"tr_1", "note": "Grüße \\u00e9"}\n`;
    expect((await app.request(PATH, signed(odd))).status).toBe(200);
    expect(carried).toHaveLength(1);
  });

  it.each([
    [{ id: 'tr_1', state: 'paid' }, 'state'],
    [{ id: 'not an id', state: 'settled' }, 'id'],
    [{ state: 'settled' }, 'id'],
  ])('%o is invalid, however well it is signed', async (body, path) => {
    const { app, carried } = testApp();
    const response = await app.request(PATH, signed(body));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_request', errors: [{ path }] });
    expect(carried).toEqual([]);
  });

  it('of a rail that there is not is no route', async () => {
    const { app } = testApp();
    const response = await app.request('/v1/rails/pigeon/callbacks', signed(settled));
    expect([response.status, await response.json()]).toMatchObject([404, { code: 'route_not_found' }]);
  });

  it('that meets a server that is away is answered 503, so that the rail calls again', async () => {
    const outcome = { type: 'unavailable', code: 'dependency_unavailable', detail: 'away' } as const;
    const { app } = testApp({ outcome });
    const response = await app.request(PATH, signed(settled));
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  });

  it.each([
    ['settled', 'failed', true],
    ['settled', 'posted', false],
    ['settled', 'pending', false],
    ['declined', 'posted', true],
    ['declined', 'failed', false],
    ['unknown', 'posted', false],
  ] as const)(
    '%s about a transfer that is %s is logged as a contradiction: %s',
    async (state, status, told) => {
      const lines = vi.spyOn(console, 'error').mockImplementation(() => {});
      const { app } = testApp({ outcome: answered(status) });
      const response = await app.request(PATH, signed({ id: 'tr_1', state }));
      expect([response.status, await response.json()]).toEqual([200, { id: 'tr_1', status }]);
      const message = `The rail simulator reports transfer tr_1 as ${state}, but it is ${status}. The callback was ignored.`;
      expect(lines.mock.calls.map(([line]) => JSON.parse(line as string) as object)).toEqual(
        told ? [{ level: 'warn', request_id: expect.any(String), message }] : [],
      );
    },
  );
});

describe('POST /v1/transfers/{id}/resolve', () => {
  it('says what became of it, and answers with the transfer', async () => {
    const { app, carried } = testApp({ outcome: answered('posted') });
    const body = { outcome: 'completed', reason: 'on the statement' };
    const response = await app.request('/v1/transfers/tr_1/resolve', post(body));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: 'tr_1', status: 'posted' });
    expect(carried).toMatchObject([
      { wait: true, request: { type: 'transfer.resolve', id: 'tr_1', ...body } },
    ]);
  });

  it('is 409 if there is nothing to resolve', async () => {
    const rejection = { code: 'transfer_not_pending', detail: 'It is posted.' } as const;
    const { app } = testApp({ outcome: { type: 'error', rejection } });
    const response = await app.request('/v1/transfers/tr_1/resolve', post({ outcome: 'failed' }));
    expect([response.status, await response.json()]).toMatchObject([409, { code: 'transfer_not_pending' }]);
  });

  it.each([
    [{}],
    [{ outcome: 'posted' }],
    [{ outcome: 'failed', why: 'x' }],
    [{ outcome: 'failed', reason: '' }],
  ])('%o is invalid, and reaches nothing', async (body) => {
    const { app, carried } = testApp();
    const response = await app.request('/v1/transfers/tr_1/resolve', post(body));
    expect(response.status).toBe(400);
    expect(carried).toEqual([]);
  });
});
