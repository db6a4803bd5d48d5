/** A whole Tallybook that loses its data folder, and comes back from a backup. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { ledgerProcess } from '../cli/command-line.ts';
import { httpClient } from '../support/http/http.ts';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
let folder: string;
beforeAll(async () => {
  tallybook = await startThrowaway({ WEBHOOKS_ALLOW_PRIVATE: 'true' });
  http = httpClient(tallybook.url);
  folder = await mkdtemp(join(tmpdir(), 'tallybook-backup-'));
});
afterAll(async () => {
  await tallybook.remove();
  await rm(folder, { recursive: true, force: true });
});

async function ledger(...args: string[]): Promise<{ code: number; out: string; told: string }> {
  const child = ledgerProcess(args, { ...tallybook.env, DATABASE_URL: tallybook.databaseUrl });
  const [out, told, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code: code as number, out, told };
}

const eur = { currency: 'EUR' };
let keys = 0;
async function post(path: string, body: object, key = `key ${(keys += 1)}`) {
  const reply = await http.post(path, body, { 'idempotency-key': key });
  expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(300);
  return reply.body;
}

/** All that clients see of the ledger, once the read model has all of it. */
async function seen(paths: readonly string[]): Promise<unknown[]> {
  const position = (await http.get('/readyz')).body.projector.last_position as number;
  await http.get(`/v1/accounts/alice?min_position=${position}`);
  return await Promise.all(paths.map(async (path) => (await http.get(path)).body as unknown));
}

async function schedules() {
  const { data } = (await http.get('/v1/schedules')).body as { data: Record<string, unknown>[] };
  return data
    .map(({ id, status, reason, cron, transfer, created_at }) => ({
      id,
      status,
      reason,
      cron,
      transfer,
      created_at,
    }))
    .toSorted((a, b) => ((a.id as string) < (b.id as string) ? -1 : 1));
}

test('what was lost with the data folder is there again, and what waited goes on', async () => {
  for (const id of ['alice', 'bob']) await post('/v1/accounts', { id, owner: id, ...eur });
  await post('/v1/deposits', { account: 'alice', amount: '1000', ...eur }, 'the first deposit');
  const between = { source: 'alice', destination: 'bob', ...eur };
  await post('/v1/transfers', { ...between, amount: '100' });
  const waiting = await post('/v1/transfers', {
    ...between,
    amount: '30',
    approval: { timeout_seconds: 86_400 },
  });
  const hold = await post('/v1/holds', { account: 'alice', amount: '5', ...eur, expires_in_seconds: 30 });
  const endless = await post('/v1/holds', { account: 'alice', amount: '6', ...eur });
  const bulk = await post('/v1/bulk-transfers', { transfers: [{ ...between, amount: '1' }] });
  await expect
    .poll(async () => (await http.get(`/v1/bulk-transfers/${bulk.id}`)).body.status)
    .toBe('completed');
  const webhook = await post('/v1/webhooks', { url: 'http://127.0.0.1:9/', types: ['ledger.HoldVoided.v1'] });
  const scheduled = { transfer: { ...between, amount: '2' }, cron: '0 9 1 1 *', time_zone: 'Europe/Berlin' };
  await post('/v1/schedules', scheduled, 'rent');
  const paused = await post('/v1/schedules', scheduled);
  await http.post(`/v1/schedules/${paused.id}/pause`, { reason: 'on holiday' });
  const deleted = await post('/v1/schedules', scheduled, 'was deleted');
  await fetch(`${tallybook.url}/v1/schedules/${deleted.id}`, { method: 'DELETE' });
  await expect.poll(async () => (await schedules()).length).toBe(2);

  const paths = [
    '/v1/accounts',
    '/v1/accounts/alice/statement',
    '/v1/accounts/alice/events',
    '/v1/accounts/alice/balances?at=5',
    '/v1/transfers',
    `/v1/holds/${hold.id}`,
    `/v1/holds/${endless.id}`,
    `/v1/bulk-transfers/${bulk.id}`,
    `/v1/bulk-transfers/${bulk.id}/results`,
    '/v1/webhooks',
    '/v1/events?limit=500',
  ];
  const before = await seen(paths);
  const planned = await schedules();
  const backup = join(folder, 'nightly');
  const made = await ledger('backup', backup);
  expect([made.code, made.told]).toEqual([0, '']);

  expect(await tallybook.stop()).toBe(0);
  await rm(tallybook.dataDir, { recursive: true, force: true });
  await tallybook.startAgain();
  expect((await http.get('/v1/accounts/alice')).status).toBe(404);

  // Step by step: nothing expires the hold, however late it is, before its workflow is there again.
  expect(await ledger('restore', backup, '--no-resume')).toMatchObject({ code: 0 });
  expect(await seen(paths)).toEqual(before);
  expect(await ledger('verify', '--read-model')).toMatchObject({ code: 0 });
  expect(await schedules()).toEqual([]);
  const { code, out } = await ledger('resume', backup);
  expect([code, out]).toEqual([0, expect.stringContaining('3 schedules were made, 0 were there')]);
  expect(out).toContain('2 transfers and holds wait: 2 workflows were started, 0 were running');
  expect(out).toContain('0 bulks are not done');
  expect((await ledger('resume', backup)).out).toContain('0 schedules were made, 3 were there');

  await expect.poll(schedules).toEqual(planned);
  const status = async (path: string) => (await http.get(path)).body.status as string;
  expect(await status(`/v1/transfers/${waiting.id}`)).toBe('awaiting_approval');
  expect((await post(`/v1/transfers/${waiting.id}/approve`, {})).status).toBe('posted');
  await expect.poll(() => status(`/v1/holds/${hold.id}`), { timeout: 60_000 }).toBe('expired');
  expect(await status(`/v1/holds/${endless.id}`)).toBe('active');
  expect((await http.get(`/v1/webhooks/${webhook.id}`)).body).toMatchObject({ status: 'active' });

  // Keys mean what they meant.
  const deposit = { account: 'alice', amount: '1000', ...eur };
  const again = await http.post('/v1/deposits', deposit, { 'idempotency-key': 'the first deposit' });
  expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
  for (const key of ['rent', 'was deleted']) {
    const schedule = await http.post('/v1/schedules', scheduled, { 'idempotency-key': key });
    expect([schedule.status, schedule.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
  }
  expect(await ledger('verify')).toMatchObject({ code: 0 });
  expect(await ledger('restore', backup)).toMatchObject({
    code: 2,
    told: expect.stringContaining('not empty'),
  });
}, 300_000);
