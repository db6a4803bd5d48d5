/** Processes that stand still, are away, or are asked to end. */
import { fault, type Complaint, type Context, type Fault, type Scenario } from '../scenario.ts';
import type { System } from '../system.ts';
import { emptyTally, EVERYTHING, killAndStart, pauseAndContinue, recovered, type Tally } from './faults.ts';

const PAUSED_MS = 15_000;
const AWAY_MS = 60_000;
const SIGTERM_MAX_MS = 15_000;
const START_MAX_MS = 60_000;
/** From when it tells its metrics until it listens to signals. */
const UP_MS = 300;

const everythingPaused: Scenario = {
  name: 'pause-everything',
  proves: 'Each process stands still for 15 s and goes on: what it then does too late changes nothing.',
  short: false,
  system: { workers: 2 },
  async inject(system, context) {
    const tally = emptyTally();
    for (const part of context.random.shuffled([...EVERYTHING, 'worker-2'])) {
      await context.sleep(context.random.between(500, 2_000));
      const injected = await pauseAndContinue(
        { system, ...context },
        part,
        context.short ? 3_000 : PAUSED_MS,
      );
      await note(tally, injected, { system, context });
    }
    return tally;
  },
};

const noWorkers: Scenario = {
  name: 'no-workers',
  proves:
    'All workers are away for a minute under load: commands wait or are refused in time, and none is lost.',
  short: false,
  system: { workers: 2 },
  async inject(system, context) {
    const tally = emptyTally();
    await context.sleep(2_000);
    await note(tally, await allWorkersAway(system, context, context.short ? 5_000 : AWAY_MS), {
      system,
      context,
    });
    return tally;
  },
};

const severalWorkers: Scenario = {
  name: 'several-workers',
  proves: 'Two, then four workers decide on the same accounts, and are killed in turn: money is spent once.',
  short: false,
  system: { workers: 4 },
  async inject(system, context) {
    const tally = emptyTally();
    const [first = '', second = '', ...others] = system.workers;
    await Promise.all(others.map((worker) => system.stop(worker)));
    for (const workers of [[first, second], system.workers]) {
      await Promise.all(workers.map((worker) => system.start(worker)));
      context.log(`${workers.length} workers`);
      for (const worker of context.random.shuffled([...workers, ...workers])) {
        await context.sleep(context.random.between(1_000, 4_000));
        await note(tally, await killAndStart({ system, ...context }, worker, 500), { system, context });
      }
    }
    return tally;
  },
};

/** What is asked to end while somebody else can take its place must leave nobody without an answer. */
const asked: Scenario = {
  name: 'sigterm-everything',
  proves:
    'Each process ends by itself within 15 s of SIGTERM under load; a worker’s end leaves nobody unanswered.',
  short: false,
  system: { workers: 2 },
  async inject(system, context) {
    const tally = emptyTally();
    for (const part of context.random.shuffled([...EVERYTHING, 'worker-2'])) {
      await context.sleep(context.random.between(1_500, 3_000));
      await note(tally, await stopAndStart(system, part, { context, tally }), { system, context });
    }
    return tally;
  },
};

/** A little of everything in one system: for a run that must be short. */
const shortOfAll: Scenario = {
  name: 'a-little-of-all',
  proves:
    'Every process is killed once, some stand still, all workers are away: nothing is lost, doubled or stuck.',
  short: true,
  system: { workers: 2 },
  async inject(system, context) {
    const tally = emptyTally();
    const { random, sleep } = context;
    const killing = [...EVERYTHING, 'worker-2'].map((part) => async () => {
      return killAndStart({ system, ...context }, part, random.between(0, 500));
    });
    const pausing = ['worker-1', 'worker-2', 'nats', 'temporal'].map((part) => async () => {
      return pauseAndContinue({ system, ...context }, part, 2_500);
    });
    const ending = ['worker-1', 'projector'].map((part) => async () => {
      return stopAndStart(system, part, { context, tally });
    });
    const away = () => allWorkersAway(system, context, 3_000);
    for (const inject of random.shuffled([...killing, ...pausing, ...ending, away])) {
      await sleep(random.between(300, 1_000));
      await note(tally, await inject(), { system, context });
    }
    return tally;
  },
};

export const pauses: readonly Scenario[] = [everythingPaused, noWorkers, severalWorkers, asked, shortOfAll];

async function note(
  tally: Tally,
  injected: Fault,
  { system, context }: { system: System; context: Context },
): Promise<void> {
  context.log(`${injected.what} of ${injected.target}`);
  tally.faults.push(injected);
  tally.complaints.push(...(await recovered(system, context, injected)));
}

async function allWorkersAway(system: System, { sleep }: Context, milliseconds: number) {
  return fault(`away for ${milliseconds / 1_000} s`, 'all workers', async () => {
    await Promise.all(system.workers.map((worker) => system.kill(worker)));
    await sleep(milliseconds);
    await Promise.all(system.workers.map((worker) => system.start(worker)));
  });
}

async function stopAndStart(
  system: System,
  part: string,
  { context, tally }: { context: Context; tally: Tally },
) {
  await untilUp(system, part, context);
  // What the fault before this one broke off may get no clear answer yet: that says nothing of this ending.
  await context.load.drained();
  const unclear = context.load.unclear();
  return fault('SIGTERM', part, async () => {
    const { code, signal, milliseconds } = await system.stop(part);
    tally.complaints.push(...endedWell(part, { code, signal, milliseconds }));
    tally.notes.push(`${part} ended ${(milliseconds / 1_000).toFixed(1)} s after SIGTERM`);
    const unanswered = context.load.unclear() - unclear;
    if (part.startsWith('worker') && unanswered > 0) {
      const found = `${unanswered} commands got no clear answer while ${part} ended, though another worker ran`;
      tally.complaints.push({ check: 'retried needlessly', found });
    }
    await system.start(part);
  });
}

/** A process that is still starting has nothing in hand, and no ear for a signal: it just ends. */
async function untilUp(system: System, part: string, { sleep }: Pick<Context, 'sleep'>): Promise<void> {
  const url = system.metricsUrl(part);
  if (url === undefined) return;
  for (const deadline = Date.now() + START_MAX_MS; Date.now() < deadline; await sleep(50)) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return sleep(UP_MS);
  }
}

/** Servers of others end as they like, but not later; what is ours ends with 0. */
function endedWell(
  part: string,
  { code, signal, milliseconds }: { code: number | null; signal: string | null; milliseconds: number },
): Complaint[] {
  const ours = part.startsWith('worker') || part === 'api' || part === 'projector';
  if (milliseconds <= SIGTERM_MAX_MS && signal !== 'SIGKILL' && (!ours || code === 0)) return [];
  const found = `${part}: ${signal ?? `exit code ${code}`} after ${Math.round(milliseconds)} ms`;
  return [{ check: 'did not end well on SIGTERM', found }];
}
