import { execFileSync } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient, type Reply } from '../support/http/http.ts';
import { startSimulatedRail, type SimulatedRail } from '../support/processes/simulated-rail.ts';

const SECRET = 'a secret between two tests';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
let rail: SimulatedRail;
beforeAll(async () => {
  const [port, nobody] = [await freePort(), await freePort()];
  tallybook = await startThrowaway({
    RAILS: `simulator=http://127.0.0.1:${port},elsewhere=http://127.0.0.1:${nobody}`,
    RAIL_SECRET: SECRET,
    RAIL_PORT: `${port}`,
    // A day's patience would be too much for a test.
    RAIL_TIMEOUT_MS: '1000',
    RAIL_POLL_MS: '400',
    RAIL_PATIENCE_SECONDS: '20',
  });
  http = httpClient(tallybook.url);
});
afterAll(async () => {
  await rail?.stop();
  await tallybook.remove();
});

/** An account with 1000, and the withdrawal of 400 from it that behaves so. */
async function withdraw(behaviour: string, through = 'simulator'): Promise<Withdrawal> {
  const account = `a-${randomUUID().slice(0, 8)}`;
  await http.post('/v1/accounts', { id: account, owner: account, currency: 'EUR' });
  await http.post('/v1/deposits', { account, amount: '1000', currency: 'EUR' });
  const metadata = { rail: behaviour };
  const body = { account, amount: '400', currency: 'EUR', rail: through, metadata };
  const reply = await http.post('/v1/withdrawals', body);
  return { account, reply, id: reply.body.id as string };
}

type Withdrawal = { account: string; reply: Reply; id: string };

const HELD = { posted: '1000', held: '400', available: '600' };
const OUT = { posted: '600', held: '0', available: '600' };
const BACK = { posted: '1000', held: '0', available: '1000' };

/** The transfer and the balances of its account, all that the log has by now included. */
async function now({ id, account }: Pick<Withdrawal, 'id' | 'account'>) {
  const position = (await http.get('/readyz')).body.projector.last_position as number;
  const transfer = await http.get(`/v1/transfers/${id}?min_position=${position}`);
  const balances = (await http.get(`/v1/accounts/${account}?min_position=${position}`)).body.balances;
  const { status, reason } = transfer.body as { status: string; reason?: string };
  return { status, balances: balances as object, ...(reason === undefined ? {} : { reason }) };
}

/** Waits until it is parked. */
async function parked(withdrawal: Withdrawal, why: RegExp) {
  await expect
    .poll(() => now(withdrawal), { timeout: 60_000, interval: 200 })
    .toEqual({ status: 'pending', balances: HELD, reason: expect.stringMatching(why) });
}

/** What a rail calls back with, signed as it should be unless something else is given. */
function callback(body: object, overrides: { secret?: string; timestamp?: number; rail?: string } = {}) {
  const { secret = SECRET, timestamp = Math.floor(Date.now() / 1_000), rail: name = 'simulator' } = overrides;
  const id = `msg_${randomUUID()}`;
  const text = JSON.stringify(body);
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${text}`).digest('base64');
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': `${timestamp}`,
    'webhook-signature': `v1,${signature}`,
  };
  return async () => {
    const url = `${tallybook.url}/v1/rails/${name}/callbacks`;
    const answer = await fetch(url, { method: 'POST', headers, body: text });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
}

const resolve = ({ id }: Withdrawal, body: object, headers: Record<string, string> = {}) =>
  http.post(`/v1/transfers/${id}/resolve`, body, headers);
const key = (name: string) => ({ 'idempotency-key': name });

describe('a rail that is down', () => {
  test('is given the payment when it is up, and until then the money is held', async () => {
    const withdrawal = await withdraw('settle');
    expect(withdrawal.reply.status).toBe(202);
    expect(withdrawal.reply.headers.get('location')).toBe(`/v1/transfers/${withdrawal.id}`);
    expect(withdrawal.reply.body).toMatchObject({ status: 'pending', rail: 'simulator' });
    expect(await now(withdrawal)).toEqual({ status: 'pending', balances: HELD });
    // Nobody calls back what is on its way, and no operator decides before the rail could.
    for (const [what, body] of [
      ['cancel', {}],
      ['resolve', { outcome: 'failed' }],
    ] as const) {
      const refused = await http.post(`/v1/transfers/${withdrawal.id}/${what}`, body);
      expect([refused.status, refused.body.code]).toEqual([409, 'transfer_not_pending']);
    }
    rail = await startSimulatedRail(tallybook.env);
    await expect
      .poll(() => now(withdrawal), { timeout: 30_000 })
      .toEqual({ status: 'posted', balances: OUT });
    expect(await rail.payments()).toMatchObject([
      { id: withdrawal.id, key: withdrawal.id, state: 'settled' },
    ]);
  });

  test('and stays down, is given up at last: nobody knows, so the transfer is parked', async () => {
    const withdrawal = await withdraw('settle', 'elsewhere');
    await parked(withdrawal, /^The rail elsewhere did not report an outcome.*ECONNREFUSED/);
    const resolved = await resolve(withdrawal, { outcome: 'failed' });
    expect(resolved.body).toMatchObject({ status: 'failed', reason: 'resolved_as_failed' });
  });
});

describe('what the rail does ends in', () => {
  test.each([
    ['settle', { status: 'posted', balances: OUT }],
    ['twice', { status: 'posted', balances: OUT }],
    ['silent', { status: 'posted', balances: OUT }],
    ['timeout', { status: 'posted', balances: OUT }],
    ['contradict', { status: 'posted', balances: OUT }],
    ['late:3000', { status: 'posted', balances: OUT }],
    ['decline', { status: 'failed', balances: BACK, reason: 'rail_declined' }],
    ['refuse', { status: 'failed', balances: BACK, reason: 'rail_declined' }],
  ])('%s: %o', async (behaviour, end) => {
    const withdrawal = await withdraw(behaviour);
    expect(withdrawal.reply.status).toBe(202);
    await expect.poll(() => now(withdrawal), { timeout: 30_000 }).toEqual(end);
    // Whatever else it says later changes nothing.
    await new Promise((tick) => setTimeout(tick, 1_500));
    expect(await now(withdrawal)).toEqual(end);
    expect((await rail.payments()).filter(({ id }) => id === withdrawal.id)).toHaveLength(1);
  });

  test('a contradiction, which is logged for people to read', async () => {
    const log = await readFile(join(tallybook.dataDir, 'logs', 'app.log'), 'utf8');
    expect(log).toMatch(/The rail simulator reports transfer tr_\w+ as declined, but it is posted/);
  });

  test('the same answer for the same key, however it ended', async () => {
    const account = `a-${randomUUID().slice(0, 8)}`;
    await http.post('/v1/accounts', { id: account, owner: account, currency: 'EUR' });
    await http.post('/v1/deposits', { account, amount: '1000', currency: 'EUR' });
    const body = { account, amount: '400', currency: 'EUR', rail: 'simulator', reference: 'settle' };
    const first = await http.post('/v1/withdrawals', body, key(account));
    const { id } = first.body as { id: string };
    await expect.poll(() => now({ id, account })).toEqual({ status: 'posted', balances: OUT });
    const again = await http.post('/v1/withdrawals', body, key(account));
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
    expect(again.body).toEqual(first.body);
  });

  test('400 for a rail that there is not, and nothing is held', async () => {
    const { reply, account } = await withdraw('settle', 'pigeon');
    expect([reply.status, reply.body.code, reply.body.errors[0].path]).toEqual([
      400,
      'invalid_request',
      'rail',
    ]);
    // The read model may be a moment behind.
    const balances = async () => (await http.get(`/v1/accounts/${account}`)).body.balances as unknown;
    await expect.poll(balances).toEqual(BACK);
  });
});

describe('a transfer whose rail cannot tell', () => {
  test('is parked, and completed by an operator who has found out, once', async () => {
    const withdrawal = await withdraw('unknown');
    await parked(
      withdrawal,
      /^The rail simulator does not know the outcome of the payment: the other bank is silent$/,
    );
    const body = { outcome: 'completed', reason: 'seen on the statement' };
    const resolved = await resolve(withdrawal, body, key(withdrawal.id));
    expect([resolved.status, resolved.body]).toMatchObject([
      200,
      { status: 'posted', reason: 'seen on the statement' },
    ]);
    expect(await now(withdrawal)).toMatchObject({ status: 'posted', balances: OUT });
    const again = await resolve(withdrawal, body, key(withdrawal.id));
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
    const other = await resolve(withdrawal, { outcome: 'failed' });
    expect([other.status, other.body.code]).toEqual([409, 'transfer_not_pending']);
    expect(await now(withdrawal)).toMatchObject({ status: 'posted', balances: OUT });
  });

  test('is parked, and given up by an operator: the money is free again', async () => {
    const withdrawal = await withdraw('unknown');
    await parked(withdrawal, /does not know/);
    const resolved = await resolve(withdrawal, { outcome: 'failed', reason: 'it came back' });
    expect([resolved.status, resolved.body.status]).toEqual([200, 'failed']);
    expect(await now(withdrawal)).toEqual({
      status: 'failed',
      balances: BACK,
      reason: 'resolved_as_failed',
    });
    const late = await callback({ id: withdrawal.id, state: 'settled' })();
    expect(late).toEqual({ status: 200, body: { id: withdrawal.id, status: 'failed' } });
    expect(await now(withdrawal)).toMatchObject({ status: 'failed', balances: BACK });
  });

  test('is parked, and ends by itself if the rail says so after all', async () => {
    const withdrawal = await withdraw('unknown');
    await parked(withdrawal, /does not know/);
    const answer = await callback({ id: withdrawal.id, state: 'settled' })();
    expect(answer).toEqual({ status: 200, body: { id: withdrawal.id, status: 'posted' } });
    expect(await now(withdrawal)).toEqual({ status: 'posted', balances: OUT });
  });

  test('is parked when its workflow is cancelled, and resolved when that is gone', async () => {
    const withdrawal = await withdraw('late:600000');
    expect(await now(withdrawal)).toEqual({ status: 'pending', balances: HELD });
    const connection = await Connection.connect({ address: tallybook.temporalAddress });
    const workflow = new Client({ connection }).workflow.getHandle(`transfer/${withdrawal.id}`);
    await workflow.cancel();
    await parked(withdrawal, /^The workflow of the transfer was cancelled/);
    await expect.poll(async () => (await workflow.describe()).status.name).toBe('CANCELLED');
    const resolved = await resolve(withdrawal, { outcome: 'completed' });
    expect([resolved.status, resolved.body.status]).toEqual([200, 'posted']);
    expect(await now(withdrawal)).toEqual({ status: 'posted', balances: OUT });
    await connection.close();
  });

  test('is taken over by who resolves it, if its workflow was ended by force', async () => {
    const withdrawal = await withdraw('late:600000');
    const connection = await Connection.connect({ address: tallybook.temporalAddress });
    await new Client({ connection }).workflow.getHandle(`transfer/${withdrawal.id}`).terminate();
    const resolved = await resolve(withdrawal, { outcome: 'failed' });
    expect([resolved.status, resolved.body.status]).toEqual([200, 'failed']);
    expect(await now(withdrawal)).toMatchObject({ status: 'failed', balances: BACK });
    await connection.close();
  });

  test('does not lose money that has left while its account was frozen', async () => {
    const withdrawal = await withdraw('late:2000');
    await http.post(`/v1/accounts/${withdrawal.account}/freeze`, {});
    await parked(
      withdrawal,
      /^The rail has settled the payment, but the transfer cannot be posted: .* is frozen/,
    );
    const refused = await resolve(withdrawal, { outcome: 'completed' });
    expect([refused.status, refused.body.code]).toEqual([422, 'account_frozen']);
    await http.post(`/v1/accounts/${withdrawal.account}/unfreeze`, {});
    const resolved = await resolve(withdrawal, { outcome: 'completed' });
    expect([resolved.status, resolved.body.status]).toEqual([200, 'posted']);
    expect(await now(withdrawal)).toEqual({ status: 'posted', balances: OUT });
  });
});

describe('a callback', () => {
  test('that is forged, stale or from a clock far ahead is refused, and nothing happens', async () => {
    const withdrawal = await withdraw('late:600000');
    const body = { id: withdrawal.id, state: 'settled' };
    const seconds = Math.floor(Date.now() / 1_000);
    for (const wrong of [
      { secret: 'another secret' },
      { timestamp: seconds - 301 },
      { timestamp: seconds + 330 },
    ]) {
      const { status, body: problem } = await callback(body, wrong)();
      expect([status, problem['code']]).toEqual([401, 'unauthenticated']);
    }
    expect(await now(withdrawal)).toEqual({ status: 'pending', balances: HELD });
    expect((await callback(body)()).status).toBe(200);
    expect(await now(withdrawal)).toEqual({ status: 'posted', balances: OUT });
  });

  test('that is sent again as it was changes nothing', async () => {
    const withdrawal = await withdraw('unknown');
    await parked(withdrawal, /does not know/);
    const decline = callback({ id: withdrawal.id, state: 'declined' });
    expect(await decline()).toEqual({ status: 200, body: { id: withdrawal.id, status: 'failed' } });
    expect(await decline()).toEqual({ status: 200, body: { id: withdrawal.id, status: 'failed' } });
    expect(await now(withdrawal)).toMatchObject({ status: 'failed', balances: BACK });
  });

  test('about what the rail was not given is answered 404', async () => {
    const withdrawal = await withdraw('late:600000');
    const other = await callback({ id: withdrawal.id, state: 'settled' }, { rail: 'elsewhere' })();
    expect([other.status, other.body['code']]).toEqual([404, 'transfer_not_found']);
    const nothing = await callback({ id: 'tr_nothing', state: 'settled' })();
    expect([nothing.status, nothing.body['code']]).toEqual([404, 'transfer_not_found']);
    expect(await now(withdrawal)).toEqual({ status: 'pending', balances: HELD });
  });
});

describe('a rail that is killed and started again', () => {
  test('goes on with what it was given', async () => {
    const withdrawal = await withdraw('late:4000');
    await expect.poll(async () => (await rail.payments()).some(({ id }) => id === withdrawal.id)).toBe(true);
    await rail.kill();
    rail = await startSimulatedRail(tallybook.env);
    await expect
      .poll(() => now(withdrawal), { timeout: 30_000 })
      .toEqual({ status: 'posted', balances: OUT });
    expect((await rail.payments()).filter(({ id }) => id === withdrawal.id)).toHaveLength(1);
  });
});

test('an audit finds nothing wrong with any of it', () => {
  const verify = ['cli/main.ts', 'verify'];
  const env = { ...process.env, ...tallybook.env };
  const printed = execFileSync(process.execPath, verify, { env, encoding: 'utf8' });
  expect(printed).toMatch(/is whole[\s\S]*zero sum +EUR 0\n/);
});
