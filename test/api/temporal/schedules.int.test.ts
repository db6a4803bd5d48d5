import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Schedules } from '../../../api/commands/schedules.ts';
import { createSchedules } from '../../../api/temporal/schedules.ts';
import { startFaultProxy } from '../../../chaos/infra/fault-proxy.ts';
import type { ScheduleBody } from '../../../contracts/schedules.ts';
import {
  newSchedule,
  everySecond,
  inSeconds,
  openScheduleLedger,
  transfer,
  type ScheduleLedger,
} from '../../support/ledgers/schedules.ts';

let ledger: ScheduleLedger;
let native: NativeConnection;
/** As an API has them that is a process of its own, and as one that shares its connection with a worker. */
const kinds: Record<'Connection' | 'NativeConnection', Schedules> = {} as never;
let schedules: Schedules;

beforeAll(async () => {
  ledger = await openScheduleLedger();
  native = await NativeConnection.connect({ address: inject('servers').temporalAddress });
  const { namespace } = ledger.workers.client.options;
  kinds.Connection = schedules = ledger.schedules;
  kinds.NativeConnection = createSchedules(new Client({ connection: native, namespace }));
}, 120_000);
afterAll(async () => {
  await native.close();
  await ledger.workers.close();
});

/** The same request once more. */
function again(schedule: ReturnType<typeof newSchedule>) {
  return { ...schedule, meta: { ...schedule.meta, requested_at: inSeconds(0) } };
}

/** How many hours lie between the first firings of a schedule for half past two at night, in order of their number. */
async function hoursBetweenNights(starts_at: string): Promise<number[]> {
  const nights = await schedules.create(
    newSchedule({ cron: '30 2 * * *', time_zone: 'Europe/Berlin', starts_at }),
  );
  const times = nights?.schedule.next_firings.map((time) => Date.parse(time)) ?? [];
  const hours = times.slice(1).map((time, index) => (time - (times[index] ?? 0)) / 3_600_000);
  return hours.toSorted((a, b) => a - b);
}

describe('what a schedule may be', () => {
  describe.each(['Connection', 'NativeConnection'] as const)('over a %s', (kind) => {
    test.each<[string, string, Partial<ScheduleBody>]>([
      ['cron', 'Minute is not in range', { cron: '61 * * * *' }],
      ['cron', 'Hour is not in range', { cron: '0 24 * * *' }],
      ['cron', 'DayOfWeek is not in range', { cron: '0 9 * * funday' }],
      ['cron', 'DayOfMonth is not in range', { cron: '0 0 L * *' }],
      ['cron', 'Minute has invalid Step', { cron: '*/0 * * * *' }],
      ['cron', 'no time to fire', { cron: '0 0 30 2 *' }],
      ['time_zone', 'IANA', { cron: '0 9 * * *', time_zone: 'europe/berlin' }],
      ['ends_at', 'in the future', { every_seconds: 60, ends_at: '2020-01-01T00:00:00.000Z' }],
      ['ends_at', 'no time to fire', { every_seconds: 3_600, ends_at: inSeconds(600) }],
    ])('a mistake in %s is told (%s), and leaves the key unused', async (path, message, mistake) => {
      const wrong = newSchedule(mistake);
      const problem = {
        code: 'invalid_request',
        members: { errors: [{ path, message: expect.stringContaining(message) }] },
      };
      await expect(kinds[kind].create(wrong)).rejects.toMatchObject(problem);
      const right = {
        ...wrong,
        meta: { ...wrong.meta, fingerprint: 'right' },
        body: newSchedule({ every_seconds: 9_999 }).body,
      };
      expect(await kinds[kind].create(right)).toMatchObject({ replayed: false });
    });

    test('none is there under an id that was never given', async () => {
      expect(await kinds[kind].find('sch_none')).toBeUndefined();
      expect(await kinds[kind].pause('sch_none', undefined)).toBeUndefined();
      expect(await kinds[kind].resume('sch_none', undefined)).toBeUndefined();
      expect(await kinds[kind].remove('sch_none')).toBe(false);
    });
  });

  test.each(['0 9 * * mon-fri', '*/15 8-18 * * *', '0 0 29 2 *', '5,35 * 1,15 jan,JUL *', '0 9 * * 7'])(
    'cron %s',
    async (cron) => {
      const made = await schedules.create(newSchedule({ cron }));
      expect(made?.schedule.next_firings[0]).toMatch(/:00\.000Z$/);
    },
  );

  test('its hours are those of the clock on the wall of its time zone, in winter and in summer', async () => {
    const made = await schedules.create(newSchedule({ cron: '0 9 1 1,7 *', time_zone: 'Europe/Berlin' }));
    const hours = made?.schedule.next_firings.map((time) => time.slice(5, 13));
    expect(new Set(hours)).toEqual(new Set(['01-01T08', '07-01T07']));
    expect((await schedules.find(made?.schedule.id ?? ''))?.schedule).toEqual({
      ...made?.schedule,
      missed_firings: 0,
    });
  });

  test('an hour that the clock leaves out in spring is left out; one that comes twice counts once', async () => {
    const year = new Date().getUTCFullYear() + 1;
    // The clocks change on the last Sunday of the month.
    expect(await hoursBetweenNights(`${year}-03-23T00:00:00.000Z`)).toEqual([...Array(8).fill(24), 47]);
    expect(await hoursBetweenNights(`${year}-10-23T00:00:00.000Z`)).toEqual([...Array(8).fill(24), 25]);
  });

  test('an interval counts from its start', async () => {
    const starts_at = inSeconds(7_000).replace(/\d\.\d{3}Z$/, '7.000Z');
    const made = await schedules.create(newSchedule({ every_seconds: 86_400, starts_at }));
    expect(made?.schedule.next_firings[0]).toBe(starts_at);
    expect(Date.parse(made?.schedule.next_firings[1] ?? '') - Date.parse(starts_at)).toBe(86_400_000);
  });
});

describe('the same request again', () => {
  test('is the same schedule, told as it was; another request is refused', async () => {
    const schedule = everySecond({ ends_at: inSeconds(60) });
    const first = await schedules.create(schedule);
    expect(first?.schedule.next_firings).toHaveLength(10);
    await schedules.pause(schedule.id, 'enough');
    await sleep(1_500);
    expect(await schedules.create(again(schedule))).toEqual({ schedule: first?.schedule, replayed: true });
    const other = { ...schedule, meta: { ...schedule.meta, fingerprint: 'other' } };
    expect(await schedules.create(other)).toBeUndefined();
  });

  test('at the same time makes one', async () => {
    const schedule = newSchedule({ cron: '0 9 * * *' });
    const made = await Promise.all([1, 2, 3, 4].map(() => schedules.create(schedule)));
    expect(made.filter((one) => one?.replayed === false)).toHaveLength(1);
    expect(new Set(made.map((one) => JSON.stringify(one?.schedule))).size).toBe(1);
  });

  test('after it has ended is still the same, though its end is in the past', async () => {
    const schedule = everySecond({ ends_at: inSeconds(3) });
    const first = await schedules.create(schedule);
    await expect
      .poll(async () => (await schedules.find(schedule.id))?.schedule.status, { timeout: 10_000 })
      .toBe('ended');
    expect(await schedules.create(again(schedule))).toEqual({ schedule: first?.schedule, replayed: true });
  });

  test('after it was deleted makes no other: it fires no more, and is nowhere', async () => {
    const schedule = everySecond();
    const first = await schedules.create(schedule);
    await ledger.untilFired(schedule.id, 1);
    expect(await schedules.remove(schedule.id)).toBe(true);
    expect(await schedules.remove(schedule.id)).toBe(false);
    // One that was due may be on its way.
    const before = await ledger.untilQuiet(schedule.id);
    expect(await schedules.create(schedule)).toEqual({ schedule: first?.schedule, replayed: true });
    expect(await schedules.find(schedule.id)).toBeUndefined();
    expect(await schedules.pause(schedule.id, 'x')).toBeUndefined();
    // As somebody may do in the Temporal UI.
    await ledger.workers.client.schedule.getHandle(`schedule/${schedule.id}`).unpause();
    await sleep(2_500);
    expect(await ledger.fired(schedule.id)).toEqual(before);
    expect(await schedules.find(schedule.id)).toBeUndefined();
  });
});

describe('the list', () => {
  test('has pages, newest first, without those that were deleted', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 4; index += 1)
      ids.unshift(await ledger.make(newSchedule({ cron: '0 9 * * *' })));
    await schedules.remove(ids[0] ?? '');
    await schedules.pause(ids[1] ?? '', 'so be it');
    const rest = ids.slice(1);
    const firstPages = async () => {
      const one = await schedules.list({ limit: 2 });
      const two = await schedules.list({ limit: 2, cursor: one.next_cursor ?? '' });
      return [...one.data, ...two.data].slice(0, 3);
    };
    await expect.poll(async () => (await firstPages()).map(({ id }) => id)).toEqual(rest);
    await expect
      .poll(async () => (await firstPages()).map(({ status }) => status))
      .toEqual(['paused', 'active', 'active']);
    const [paused, active] = await firstPages();
    expect(paused).toMatchObject({ reason: 'so be it', next_firings: [], cron: '0 9 * * *', transfer });
    expect(active?.next_firings.length).toBeGreaterThan(1);
  });

  test('ends with a page that leads nowhere, and has no other cursors than its own', async () => {
    const seen = new Set<string>();
    let cursor: string | null = null;
    do {
      const page = await schedules.list({ limit: 3, ...(cursor === null ? {} : { cursor }) });
      for (const { id } of page.data) seen.add(id);
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen.size).toBeGreaterThan(3);
    for (const junk of ['x', 'AAAA']) {
      await expect(schedules.list({ limit: 3, cursor: junk })).rejects.toThrow('does not belong');
    }
  });
});

test('when Temporal does not answer every call fails within 10 s, as what is unavailable', async () => {
  const proxy = await startFaultProxy(`tcp://${inject('servers').temporalAddress}`);
  const connection = await Connection.connect({ address: `127.0.0.1:${proxy.port}` });
  proxy.dropReplies();
  const away = createSchedules(new Client({ connection }));
  const started = Date.now();
  const calls = [
    away.create(everySecond()),
    away.find('sch_1'),
    away.list({ limit: 1 }),
    away.pause('sch_1', undefined),
    away.resume('sch_1', undefined),
    away.remove('sch_1'),
  ];
  for (const call of await Promise.allSettled(calls)) {
    expect(call).toMatchObject({ status: 'rejected', reason: { code: 'dependency_unavailable' } });
  }
  expect(Date.now() - started).toBeLessThan(10_000);
  await connection.close();
  await proxy.close();
});
