import { describe, expect, it } from 'vitest';
import { idempotencyKey } from '../../../api/commands/idempotency.ts';
import { scheduleCursor, decodeScheduleCursor } from '../../../api/temporal/schedule-cursor.ts';
import { specMistake, specOf } from '../../../api/temporal/schedule-spec.ts';
import type { ScheduleBody, ScheduleResource } from '../../../contracts/schedules.ts';
import { ID_PATTERN } from '../../../contracts/subjects.ts';
import { firingTransferId } from '../../../domain/schedule.ts';
import { createTestLog } from '../../support/events/events.ts';
import { eventReader, NOW, post, readStore, testApp, transfer } from '../fixtures/fixtures.ts';
import { memorySchedules, scheduleBody } from '../fixtures/memory-schedules.ts';
import { codeOf, KEY, problemOf } from '../fixtures/rejected.ts';

const ID = idempotencyKey('order-42').scheduleId;
const PATH = `/v1/schedules/${ID}`;
const { metadata, ...terms } = scheduleBody.transfer;
const asked = { transfer: terms, cron: '0 8 * * *' };

/** An app in which the schedule with the key of these tests has been made. */
async function withSchedule(given: Parameters<typeof testApp>[0] = {}) {
  const { app, carried } = testApp(given);
  const created = await app.request('/v1/schedules', post(asked, KEY));
  expect(created.status).toBe(201);
  const json = async (path: string, init?: RequestInit) => bodyOf(await app.request(path, init));
  return {
    app,
    carried,
    json,
    schedule: (await created.json()) as ScheduleResource,
    headers: created.headers,
  };
}

async function bodyOf(response: Response) {
  // A test knows what it asked for.
  // oxlint-disable-next-line typescript/no-explicit-any
  const body: any = await response.json();
  return { response, status: response.status, body };
}

/** A firing that was due on a day of that November. */
function due(time: string) {
  const scheduled_at = `2026-11-2${time}.000Z`;
  const fired_at = `2026-11-2${time}.040Z`;
  const workflow_id = `schedule/${ID}-2026-11-2${time}Z`;
  return { transfer: firingTransferId(ID, scheduled_at), scheduled_at, fired_at, workflow_id };
}

/** A transfer that the schedule has made. */
function made(id: string, more: object) {
  return transfer({ id, schedule: ID, ...more });
}

/** A schedule for each hour. */
function hourly(more: Partial<ScheduleBody>): ScheduleBody {
  const { transfer: scheduled, time_zone } = scheduleBody;
  return { transfer: scheduled, time_zone, every_seconds: 3_600, ...more };
}

/** As the SDK wraps what the server says. */
function inside(message: string): Error {
  return new Error('Failed to create schedule', { cause: new Error(message) });
}

describe('POST /v1/schedules', () => {
  it('answers 201 with the schedule, whose id comes from the key', async () => {
    const { schedule, headers } = await withSchedule();
    expect(schedule).toEqual({
      id: ID,
      status: 'active',
      transfer: scheduleBody.transfer,
      cron: '0 8 * * *',
      time_zone: 'UTC',
      next_firings: ['2026-11-24T08:00:00.000Z'],
      created_at: NOW.toISOString(),
      workflow_id: `schedule/${ID}`,
    });
    expect(headers.get('location')).toBe(PATH);
    expect(headers.get('idempotency-replayed')).toBeNull();
  });

  it('answers the same to the same request, however it is spelled, and refuses another one with its key', async () => {
    const { json, schedule } = await withSchedule();
    const spelled = { cron: '0 8 * * *', time_zone: 'UTC', transfer: { metadata, ...terms } };
    const again = await json('/v1/schedules', post(spelled, { 'idempotency-key': '"order-42"' }));
    expect([again.status, again.body]).toEqual([201, schedule]);
    expect(again.response.headers.get('idempotency-replayed')).toBe('true');
    const other = await json('/v1/schedules', post({ ...asked, cron: '0 9 * * *' }, KEY));
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('needs a key, and does nothing without', async () => {
    expect(await codeOf('/v1/schedules', post(asked))).toBe('idempotency_key_missing');
  });

  const transferOf = (more: object) => ({ ...asked, transfer: { ...terms, ...more } });
  it.each<[string, object]>([
    ['cron', { transfer: terms }],
    ['every_seconds', { ...asked, every_seconds: 60 }],
    ['cron', { ...asked, cron: '@daily' }],
    ['cron', { ...asked, cron: '0 8 * *' }],
    ['cron', { ...asked, cron: '0 0 8 * * *' }],
    ['cron', { ...asked, cron: 'CRON_TZ=UTC 8 * * *' }],
    ['cron', { ...asked, cron: '0 8 * * fri#2' }],
    ['cron', { ...asked, cron: '0\t8 * * *' }],
    ['cron', { ...asked, cron: ' 0 8 * * *' }],
    ['cron', { ...asked, cron: '' }],
    ['cron', { ...asked, cron: `${'0,'.repeat(200)}0 8 * * *` }],
    // Some take it for both together, some for either.
    ['cron', { ...asked, cron: '0 8 1 * 1' }],
    ['every_seconds', { transfer: terms, every_seconds: 0 }],
    ['every_seconds', { transfer: terms, every_seconds: 1.5 }],
    ['every_seconds', { transfer: terms, every_seconds: '60' }],
    ['every_seconds', { transfer: terms, every_seconds: 31_536_001 }],
    ['time_zone', { ...asked, time_zone: 'Mars/Olympus' }],
    ['time_zone', { ...asked, time_zone: 'Local' }],
    ['time_zone', { ...asked, time_zone: '+01:00' }],
    ['time_zone', { ...asked, time_zone: '' }],
    ['starts_at', { ...asked, starts_at: 'tomorrow' }],
    ['starts_at', { ...asked, starts_at: '2036-11-23T08:00:00.001Z' }],
    ['ends_at', { ...asked, ends_at: '2026-02-30T00:00:00Z' }],
    ['ends_at', { ...asked, starts_at: '2027-01-01T00:00:00.5Z', ends_at: '2027-01-01T00:00:00.500Z' }],
    ['transfer', { cron: '0 8 * * *' }],
    ['transfer.amount', transferOf({ amount: '0' })],
    ['transfer.currency', transferOf({ currency: 'eur' })],
    ['transfer.source', transferOf({ source: 'a.b' })],
    ['transfer.approval', transferOf({ approval: { timeout_seconds: 60 } })],
    ['transfer.scheduled_for', transferOf({ scheduled_for: '2027-01-01T00:00:00Z' })],
    ['overlap', { ...asked, overlap: 'skip' }],
  ])('refuses a mistake in %s: %j', async (path, body) => {
    const { problem } = await problemOf('/v1/schedules', post(body, KEY));
    expect(problem.code).toBe('invalid_request');
    expect(problem.errors?.map((error) => error.path)).toEqual([path]);
  });
});

describe('GET /v1/schedules', () => {
  it('gives pages, newest first', async () => {
    const { app } = testApp();
    for (const key of ['a', 'b', 'c']) {
      await app.request('/v1/schedules', post(asked, { 'idempotency-key': key }));
    }
    const ids = ['c', 'b', 'a'].map((key) => idempotencyKey(key).scheduleId);
    const page = async (query: string) => (await bodyOf(await app.request(`/v1/schedules?${query}`))).body;
    const first = await page('limit=2');
    expect(first.data.map(({ id }: ScheduleResource) => id)).toEqual(ids.slice(0, 2));
    const second = await page(`limit=2&cursor=${first.next_cursor}`);
    expect(second.data.map(({ id }: ScheduleResource) => id)).toEqual(ids.slice(2));
    expect(second.next_cursor).toBeNull();
    expect(await page('cursor=x')).toMatchObject({ status: 400, code: 'invalid_cursor' });
  });

  it.each(['limit=0', 'limit=501', 'limit=x', `cursor=${'x'.repeat(501)}`])('refuses ?%s', async (query) => {
    expect(await codeOf(`/v1/schedules?${query}`)).toBe('invalid_request');
  });
});

describe('GET /v1/schedules/{id}', () => {
  const [posted, refused, failed, running, forgotten] = [1, 2, 3, 4, 5].map((day) => due(`${day}T08:00:00`));

  it('tells what became of the last firings, newest first, and of those by hand', async () => {
    const transfers = [
      made(posted!.transfer, { workflow_id: posted!.workflow_id }),
      made(refused!.transfer, { status: 'rejected', reason: 'insufficient_funds' }),
      made('tr_by_hand', { created_at: '2026-11-22T12:00:00.000Z', workflow_id: 'transfer/tr_by_hand' }),
      transfer({ id: 'tr_of_another', schedule: 'sch_other' }),
    ];
    const { json } = await withSchedule({
      readStore: readStore({ transfers }),
      schedules: memorySchedules({
        started: [posted!, refused!, failed!, running!, forgotten!],
        outcomes: {
          [failed!.transfer]: { status: 'failed', reason: 'account_not_found' },
          [running!.transfer]: { status: 'pending' },
        },
      }),
    });
    const { body } = await json(PATH);
    expect(body.last_firings).toEqual([
      forgotten,
      { ...running, status: 'pending' },
      { ...failed, status: 'failed', reason: 'account_not_found' },
      {
        transfer: 'tr_by_hand',
        fired_at: '2026-11-22T12:00:00.000Z',
        workflow_id: 'transfer/tr_by_hand',
        status: 'posted',
      },
      { ...refused, status: 'rejected', reason: 'insufficient_funds' },
      { ...posted, status: 'posted' },
    ]);
    expect(body.missed_firings).toBe(0);
  });

  it('tells of ten at most', async () => {
    const started = Array.from({ length: 12 }, (_, minute) =>
      due(`2T08:${String(minute).padStart(2, '0')}:00`),
    );
    const { json } = await withSchedule({ schedules: memorySchedules({ started }) });
    const { body } = await json(PATH);
    expect(body.last_firings).toEqual(started.toReversed().slice(0, 10));
  });

  it('waits for a position if one is given', async () => {
    const { json } = await withSchedule({ waitForPosition: () => Promise.resolve(false) });
    expect((await json(`${PATH}?min_position=9`)).body.code).toBe('position_not_reached');
    expect((await json(PATH)).status).toBe(200);
  });
});

describe('pause, resume and DELETE', () => {
  it('pause and resume answer the schedule, with the reason; twice is the same as once', async () => {
    const { json } = await withSchedule();
    const none = { next_firings: [] };
    const paused = await json(`${PATH}/pause`, post({ reason: 'she moved out' }));
    expect(paused.body).toMatchObject({ id: ID, status: 'paused', reason: 'she moved out', ...none });
    const again = await json(`${PATH}/pause`, { method: 'POST' });
    expect(again.body).toMatchObject({ status: 'paused', ...none });
    expect(again.body).not.toHaveProperty('reason');
    const resumed = await json(`${PATH}/resume`, post({ reason: 'she is back' }, KEY));
    expect([resumed.status, resumed.body.status, resumed.body.reason]).toEqual([
      200,
      'active',
      'she is back',
    ]);
    expect(resumed.body.next_firings).toHaveLength(1);
  });

  it('DELETE answers 204; then it is nowhere, but its key still stands for it', async () => {
    const { app, json, schedule } = await withSchedule();
    const gone = await app.request(PATH, { method: 'DELETE' });
    expect([gone.status, await gone.text()]).toEqual([204, '']);
    for (const [path, init] of [
      [PATH, {}],
      [PATH, { method: 'DELETE' }],
      [`${PATH}/pause`, { method: 'POST' }],
      [`${PATH}/resume`, { method: 'POST' }],
      [`${PATH}/trigger`, { method: 'POST' }],
    ] as const) {
      const { status, body } = await json(path, init);
      expect([path, status, body.code]).toEqual([path, 404, 'schedule_not_found']);
    }
    expect((await json('/v1/schedules')).body.data).toEqual([]);
    const again = await json('/v1/schedules', post(asked, KEY));
    expect([again.status, again.body]).toEqual([201, schedule]);
    expect(again.response.headers.get('idempotency-replayed')).toBe('true');
    expect((await json(PATH)).status).toBe(404);
  });

  it.each(['/pause', '/resume', '/trigger'])('%s refuses what it does not know', async (action) => {
    expect(await codeOf(`${PATH}${action}`, post({ when: 'now' }))).toBe('invalid_request');
    expect(await codeOf(`/v1/schedules/a.b${action}`, post({}))).toBe('invalid_request');
    const bad = post({}, { 'idempotency-key': '"' });
    expect(await codeOf(`${PATH}${action}`, bad)).toBe('invalid_request');
    expect(await codeOf(`${PATH}${action}`, post('{}', { 'content-type': 'text/plain' }))).toBe(
      'unsupported_media_type',
    );
  });
});

describe('trigger', () => {
  it('carries out a transfer with the link, named by its key', async () => {
    const { carried, json } = await withSchedule();
    const first = await json(`${PATH}/trigger`, post({}, { 'idempotency-key': 'now' }));
    const second = await json(`${PATH}/trigger`, { method: 'POST', headers: { 'idempotency-key': 'now' } });
    expect([first.status, first.body.id]).toEqual([201, idempotencyKey('now').transferId]);
    expect(first.response.headers.get('location')).toBe(`/v1/transfers/${first.body.id}`);
    expect(first.response.headers.get('ledger-position')).toBe('7');
    expect(second.body).toEqual(first.body);
    const [one, same] = carried.map(({ request }) => request);
    expect(one).toMatchObject({ type: 'transfer', kind: 'transfer', schedule: ID, ...scheduleBody.transfer });
    expect(same).toEqual(one);
  });

  it('is told again what it has made when the schedule is gone; what it has not made, it makes no more', async () => {
    const log = createTestLog();
    for (const id of ['alice', 'bob']) log.open(id);
    log.deposit('alice', 1_050n);
    log.move(['alice', 'bob'], 1_050n, { id: idempotencyKey('now').transferId, schedule: ID });
    const { app, carried, json } = await withSchedule({ events: eventReader(log.events) });
    expect((await app.request(PATH, { method: 'DELETE' })).status).toBe(204);
    expect((await json(`${PATH}/trigger`, post({}, { 'idempotency-key': 'now' }))).status).toBe(201);
    expect((await json(`${PATH}/trigger`, post({}, { 'idempotency-key': 'later' }))).status).toBe(404);
    expect(carried.map(({ request }) => request)).toMatchObject([{ schedule: ID, ...scheduleBody.transfer }]);
  });

  it('without a key is another one each time', async () => {
    const { carried, json } = await withSchedule();
    await json(`${PATH}/trigger`, post({}));
    await json(`${PATH}/trigger`, post({}));
    const [one, other] = carried.map(({ request }) => request);
    for (const name of ['id', 'command_id', 'fingerprint'] as const) {
      expect(other?.[name]).not.toBe(one?.[name]);
    }
    expect(one?.id).toMatch(ID_PATTERN);
  });

  it('need not be waited for', async () => {
    const { json } = await withSchedule({ outcome: { type: 'accepted', workflowId: 'transfer/tr_1' } });
    const { status, body } = await json(`${PATH}/trigger`, post({}, { prefer: 'respond-async' }));
    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'pending', schedule: ID });
  });
});

describe('the transfer of a firing', () => {
  it('has an id of its own for each second, and the same id for the same second', () => {
    const id = firingTransferId(ID, '2026-11-23T08:00:00.000Z');
    expect(id).toBe(`${ID.replace('sch_', 'tr_')}_20261123T080000Z`);
    expect(id).toMatch(ID_PATTERN);
    expect(firingTransferId(ID, '2026-11-23T08:00:00.999Z')).toBe(id);
    expect(firingTransferId(ID, '2026-11-23T08:00:01.000Z')).not.toBe(id);
  });
});

describe('what Temporal is told', () => {
  it('an interval counts from the moment it was made, whose second is no time of it', () => {
    const spec = specOf(hourly({}), '2026-11-23T08:00:07.400Z');
    expect(spec.intervals).toEqual([{ every: 3_600_000, offset: 7_000 }]);
    expect(spec.startAt).toEqual(new Date('2026-11-23T08:00:08.000Z'));
  });

  it('or from its start, at the first full second', () => {
    const spec = specOf(hourly({ starts_at: '2026-12-01T09:30:00.500Z' }), NOW.toISOString());
    expect(spec.intervals).toEqual([{ every: 3_600_000, offset: 1_801_000 }]);
    expect(spec.startAt).toEqual(new Date('2026-12-01T09:30:00.500Z'));
  });

  it('a mistake in the times is one of the request, and nothing else is', () => {
    const zone = { path: 'time_zone', message: expect.any(String) };
    expect(specMistake(new TypeError('Minute is not in range [0-59]'))?.path).toBe('cron');
    expect(specMistake(inside('Invalid schedule spec: Hour is not in range [0-23]'))?.path).toBe('cron');
    expect(specMistake(new TypeError('unknown time zone utc'))).toEqual(zone);
    expect(specMistake(new TypeError('x is not a function'))).toBeUndefined();
    expect(specMistake(inside('Namespace has no such search attribute'))).toBeUndefined();
  });
});

describe('a cursor', () => {
  it('leads where it came from, and nothing else is one', () => {
    const token = new TextEncoder().encode('{"RunID":"1"}');
    const cursor = scheduleCursor(token);
    expect(Buffer.from(decodeScheduleCursor(cursor ?? '') ?? []).toString()).toBe('{"RunID":"1"}');
    expect(scheduleCursor(new Uint8Array())).toBeNull();
    expect(decodeScheduleCursor(undefined)).toBeUndefined();
    const junk = ['', 'x', `${cursor}=`, `${cursor}AA`, cursor?.slice(1), cursor?.replace(/^./, '%')];
    for (const one of junk) expect(() => decodeScheduleCursor(one)).toThrow('does not belong');
  });
});
