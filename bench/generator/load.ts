/** Puts a load on, and measures. What is not answered as it should be is counted, and makes the measurement void. */
import { setTimeout as sleep } from 'node:timers/promises';
import { quantiles } from '../report/quantiles.ts';
import type { Measured } from '../task.ts';
import { countDue, dueAt } from './arrivals.ts';

/**
 * Asks once, and gives how many transfers that has done.
 * @throws Error that says how it was answered if not as it should be.
 */
export type Ask = (client: number) => Promise<number>;

/** Connections are opened, and the system gets into its stride: what is answered so early has no latency that counts. */
const LEAD_IN_MS = 500;

/**
 * A closed loop: each client asks again when it has been answered. The rate is that of all that was asked, from the first
 * request until the last answer: who begins with many and answers them all late has done the work meanwhile.
 */
export async function closedLoop(
  ask: Ask,
  { clients, seconds, pauseMs = 0 }: { clients: number; seconds: number; pauseMs?: number },
): Promise<Measured> {
  const counter = count(seconds);
  const client = async (index: number) => {
    while (performance.now() < counter.end) {
      await counter.counted(performance.now(), () => ask(index));
      if (pauseMs > 0) await sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return counter.measured();
}

/** An open loop: requests are sent when they are due, and their latencies count from then. */
export async function openLoop(
  ask: Ask,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<Measured> {
  const counter = count(seconds);
  const { start } = counter;
  const all = countDue(LEAD_IN_MS + seconds * 1_000, perSecond);
  const sent: Promise<void>[] = [];
  while (sent.length < all) {
    const due = Math.min(all, countDue(performance.now() - start, perSecond));
    for (let index = sent.length; index < due; index++) {
      sent.push(counter.counted(start + dueAt(index, perSecond), () => ask(index)));
    }
    await sleep(1);
  }
  await Promise.all(sent);
  return counter.measured();
}

function count(seconds: number) {
  const start = performance.now();
  const begin = start + LEAD_IN_MS;
  const end = begin + seconds * 1_000;
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  let done = 0;
  let last = start;
  return {
    start,
    end,
    async counted(asked: number, ask: () => Promise<number>): Promise<void> {
      try {
        const transfers = await ask();
        const answered = performance.now();
        done += transfers;
        last = answered;
        if (answered >= begin && asked < end) latencies.push(answered - asked);
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error);
        failures[what] = (failures[what] ?? 0) + 1;
        // A server that refuses everything is not asked a thousand times a second.
        await sleep(100);
      }
    },
    measured: (): Measured => ({
      perSecond: done === 0 ? 0 : (done * 1_000) / (last - start),
      ...quantiles(latencies),
      done,
      failures,
    }),
  };
}
