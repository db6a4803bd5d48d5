/** Schedules on the real Temporal server, with a ledger and a worker of their own. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { NewSchedule, Schedules } from '../../../api/commands/schedules.ts';
import { createSchedules } from '../../../api/temporal/schedules.ts';
import type { RecordedEvent, TransferRecord } from '../../../contracts/events.ts';
import type { ScheduleBody } from '../../../contracts/schedules.ts';
import { startKilledWorkers, type KilledWorkers } from '../processes/killed-workers.ts';
import { createAccount, moveMoney } from './test-ledger.ts';

export type ScheduleLedger = {
  readonly workers: KilledWorkers;
  readonly schedules: Schedules;
  /** Makes a schedule; gives its id. */
  readonly make: (schedule: NewSchedule) => Promise<string>;
  /** What the log has of a schedule's transfers, in order. */
  readonly fired: (id: string) => Promise<TransferRecord[]>;
  /** The same when there are as many at least. */
  readonly untilFired: (id: string, times: number) => Promise<TransferRecord[]>;
  /** The same when it is paused and nothing that was due is on its way any more. */
  readonly untilQuiet: (id: string) => Promise<TransferRecord[]>;
};

/**
 * Opens it, with the accounts a and b; a has 1,000.
 * @param killAfter after how many firings the worker is killed; 0: never
 */
export async function openScheduleLedger(killAfter = 0): Promise<ScheduleLedger> {
  const workers = await startKilledWorkers(killAfter);
  const { log } = workers;
  await log.submit(createAccount('a'));
  await log.submit(createAccount('b'));
  await log.submit(moveMoney('d', { source: 'world_EUR', destination: 'a', amount: '1000' }));
  const schedules = createSchedules(workers.client);
  const fired = async (id: string) => {
    const events = await log.allEvents();
    return events.filter((event): event is TransferRecord => isTransferOf(id, event));
  };
  return {
    workers,
    schedules,
    async make(schedule) {
      expect(await schedules.create(schedule)).toMatchObject({ replayed: false });
      return schedule.id;
    },
    fired,
    async untilFired(id, times) {
      await expect
        .poll(async () => (await fired(id)).length, { timeout: 25_000 })
        .toBeGreaterThanOrEqual(times);
      return fired(id);
    },
    async untilQuiet(id) {
      const handle = workers.client.schedule.getHandle(`schedule/${id}`);
      const quiet = async () => {
        const { state, info } = await handle.describe();
        return state.paused && info.runningActions.length === 0;
      };
      await expect.poll(quiet, { timeout: 25_000 }).toBe(true);
      return fired(id);
    },
  };
}

function isTransferOf(id: string, event: RecordedEvent): boolean {
  return event.aggregate === 'transfer' && 'schedule' in event.data && event.data.schedule === id;
}

/** What a schedule of a test moves. */
export const transfer = { source: 'a', destination: 'b', amount: '1', currency: 'EUR', metadata: {} };

/** A schedule that has not been asked for yet. */
export function newSchedule(more: Partial<ScheduleBody>): NewSchedule {
  const body: ScheduleBody = { transfer, time_zone: 'UTC', ...more };
  const requested_at = new Date().toISOString();
  const meta = { command_id: 'c', fingerprint: randomUUID(), requested_at, actor: 'test' };
  return { id: `sch_${randomUUID().replaceAll('-', '')}`, body, meta };
}

/** The same, for every second. */
export function everySecond(more: Partial<ScheduleBody> = {}): NewSchedule {
  return newSchedule({ every_seconds: 1, ...more });
}

/** A time that is still to come, RFC 3339. */
export function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1_000).toISOString();
}
