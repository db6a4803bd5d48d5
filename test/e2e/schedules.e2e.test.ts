import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TransferResource } from '../../contracts/http.ts';
import type { Firing } from '../../contracts/schedules.ts';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient } from '../support/http/http.ts';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
beforeAll(async () => {
  tallybook = await startThrowaway();
  http = httpClient(tallybook.url);
  for (const id of ['alice', 'bob']) await http.post('/v1/accounts', { id, owner: id, currency: 'EUR' });
  await http.post('/v1/deposits', { account: 'alice', amount: '1000', currency: 'EUR' });
});
afterAll(() => tallybook.remove());

const transfer = { source: 'alice', destination: 'bob', amount: '1', currency: 'EUR', reference: 'rent' };

/** Makes a schedule; gives its path. */
async function make(body: object, key: string = randomUUID()): Promise<string> {
  const made = await http.post('/v1/schedules', { transfer, ...body }, { 'idempotency-key': key });
  expect(made.status).toBe(201);
  expect(made.headers.get('location')).toBe(`/v1/schedules/${made.body.id}`);
  return `/v1/schedules/${made.body.id}`;
}

const remove = (path: string) => fetch(`${tallybook.url}${path}`, { method: 'DELETE' });

/** All transfers of a schedule that the read model shows, newest first. */
async function transfersOf(path: string): Promise<TransferResource[]> {
  return (await http.get(`/v1/transfers?limit=500&schedule=${path.split('/').at(-1)}`)).body.data;
}

async function untilFired(path: string, times: number): Promise<TransferResource[]> {
  await expect
    .poll(async () => (await transfersOf(path)).length, { timeout: 40_000 })
    .toBeGreaterThanOrEqual(times);
  return transfersOf(path);
}

/** When a firing was due: its workflow is named by that, to the second. */
function dueAt({ workflow_id }: TransferResource): number {
  return Date.parse(workflow_id.slice(-'yyyy-mm-ddThh:mm:ssZ'.length));
}

/** The seconds between the first and the last firing that have not exactly one transfer. */
async function gaps(path: string): Promise<string[]> {
  const transfers = await transfersOf(path);
  const due = transfers.map(dueAt);
  const first = Math.min(...due);
  const seconds = Array.from(
    { length: (Math.max(...due) - first) / 1_000 + 1 },
    (_, index) => first + index * 1_000,
  );
  const wrong = seconds.filter((second) => due.filter((time) => time === second).length !== 1);
  return wrong.map((second) => new Date(second).toISOString());
}

/** The process of nats-server, to be held and let go. */
function natsPid(): number {
  const all = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
  const ours = all.find((line) => line.includes(tallybook.dataDir) && line.includes('nats-server'));
  return Number(ours?.trim().split(' ')[0]);
}

describe('a schedule over HTTP', () => {
  test('fires, tells so, and its transfers are found', async () => {
    const path = await make({ every_seconds: 1 });
    const transfers = await untilFired(path, 3);
    expect(new Set(transfers.map(({ id }) => id)).size).toBe(transfers.length);
    const { status, body } = await http.get(path);
    expect([status, body.status, body.missed_firings]).toEqual([200, 'active', 0]);
    const firing = body.last_firings.find((one: Firing) => one.transfer === transfers[0]?.id);
    expect(firing).toMatchObject({ status: 'posted', workflow_id: transfers[0]?.workflow_id });
    expect(Date.parse(firing.fired_at) - Date.parse(firing.scheduled_at)).toBeGreaterThanOrEqual(0);
    expect(body.next_firings).toHaveLength(10);
    const one = await http.get(`/v1/transfers/${transfers[0]?.id}`);
    expect(one.body).toMatchObject({ status: 'posted', kind: 'transfer', schedule: body.id, ...transfer });
    expect((await http.get('/v1/schedules')).body.data.map(({ id }: { id: string }) => id)).toContain(
      body.id,
    );
    expect((await remove(path)).status).toBe(204);
    expect((await http.get(path)).body.code).toBe('schedule_not_found');
  });

  test('is the same for the same key, and refuses another body with it', async () => {
    const body = { transfer, cron: '0 9 * * mon', time_zone: 'America/New_York' };
    const key = { 'idempotency-key': 'every monday' };
    const first = await http.post('/v1/schedules', body, key);
    const again = await http.post('/v1/schedules', body, key);
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const other = await http.post('/v1/schedules', { ...body, time_zone: 'UTC' }, key);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    const wrong = await http.post('/v1/schedules', { ...body, cron: '0 25 * * *' });
    expect([wrong.status, wrong.body.errors[0].path]).toEqual([400, 'cron']);
  });

  test('pauses, is triggered meanwhile, and resumes', async () => {
    const path = await make({ every_seconds: 1 });
    await untilFired(path, 1);
    const paused = await http.post(`${path}/pause`, { reason: 'she moved out' });
    expect(paused.body).toMatchObject({ status: 'paused', reason: 'she moved out', next_firings: [] });
    await sleep(1_000);
    const before = (await transfersOf(path)).length;
    // Both in one second.
    const [one, other] = await Promise.all([1, 2].map(() => http.post(`${path}/trigger`, {})));
    expect([one?.status, other?.status]).toEqual([201, 201]);
    expect(one?.body).toMatchObject({ status: 'posted', ...transfer });
    expect(other?.body.id).not.toBe(one?.body.id);
    const key = { 'idempotency-key': 'once' };
    const first = await http.post(`${path}/trigger`, {}, key);
    const again = await http.post(`${path}/trigger`, {}, key);
    expect([again.body, again.headers.get('idempotency-replayed')]).toEqual([first.body, 'true']);
    const position = again.headers.get('ledger-position');
    const shown = await http.get(`${path}?min_position=${position}`);
    expect(shown.body.last_firings[0]).toMatchObject({ transfer: first.body.id, status: 'posted' });
    expect(await transfersOf(path)).toHaveLength(before + 3);
    expect((await http.post(`${path}/resume`, {})).body.status).toBe('active');
    await untilFired(path, before + 4);
    await remove(path);
  });

  test('shows a firing that was rejected, and one that could not be recorded, and goes on', async () => {
    const rejected = await make({ every_seconds: 1, transfer: { ...transfer, amount: '1000000' } });
    const failed = await make({ every_seconds: 1, transfer: { ...transfer, destination: 'ghost' } });
    await untilFired(rejected, 2);
    const last = async (path: string): Promise<Firing[]> => (await http.get(path)).body.last_firings;
    expect((await last(rejected)).at(-1)).toMatchObject({ status: 'rejected', reason: 'insufficient_funds' });
    await expect
      .poll(async () => (await last(failed)).filter(({ status }) => status === 'failed').length, {
        timeout: 20_000,
      })
      .toBeGreaterThanOrEqual(2);
    expect((await last(failed)).at(-1)).toMatchObject({ reason: 'account_not_found' });
    const refused = await http.post(`${rejected}/trigger`, {});
    expect([refused.status, refused.body.code]).toEqual([422, 'insufficient_funds']);
    expect((await http.post(`${failed}/trigger`, {})).body.code).toBe('account_not_found');
    for (const path of [rejected, failed]) {
      expect((await http.get(path)).body.status).toBe('active');
      await remove(path);
    }
  });

  test('loses no firing while the log is away', async () => {
    const path = await make({ every_seconds: 1 });
    await untilFired(path, 1);
    process.kill(natsPid(), 'SIGSTOP');
    await sleep(8_000);
    process.kill(natsPid(), 'SIGCONT');
    const back = Date.now();
    await http.post(`${path}/pause`, {});
    // All that was due while the log was away: up to the second before it came back.
    const lastDue = async () => Math.max(...(await transfersOf(path)).map(dueAt));
    await expect.poll(lastDue, { timeout: 60_000 }).toBeGreaterThan(back - 2_000);
    await expect.poll(() => gaps(path), { timeout: 60_000 }).toEqual([]);
    await remove(path);
  });

  test('makes up for what came due while everything was stopped, once', async () => {
    const path = await make({ every_seconds: 1 });
    await untilFired(path, 1);
    expect(await tallybook.stop()).toBe(0);
    await sleep(2_000);
    const back = Date.now();
    await tallybook.startAgain();
    await expect
      .poll(async () => Date.parse((await transfersOf(path))[0]?.created_at ?? ''), { timeout: 60_000 })
      .toBeGreaterThan(back);
    await http.post(`${path}/pause`, {});
    await sleep(2_000);
    expect(await gaps(path)).toEqual([]);
    expect((await transfersOf(path)).length).toBeGreaterThan(3);
    await remove(path);
  });
});
