/** Faults that several scenarios inject, and what each of them expects afterwards. */
import { fault, type Complaint, type Context, type Fault } from '../scenario.ts';
import { positionsOf, type System } from '../system.ts';

/** All that Tallybook is made of, each a process. */
export const EVERYTHING = ['worker-1', 'api', 'projector', 'nats', 'temporal', 'read-model'] as const;

/** How long it may take until a command is acknowledged again. Temporal gives a task to another worker after 10 s. */
const RECOVERY_MAX_MS = 60_000;
const WORTH_TELLING_MS = 5_000;

/** What has been injected so far, and what went wrong. */
export type Tally = { readonly faults: Fault[]; readonly complaints: Complaint[]; readonly notes: string[] };

export const emptyTally = (): Tally => ({ faults: [], complaints: [], notes: [] });

type Where = Pick<Context, 'sleep'> & { readonly system: System };

/** Kills a part, leaves it down for a moment, and starts it again. */
export async function killAndStart({ system, sleep }: Where, part: string, downMs: number): Promise<Fault> {
  return fault('SIGKILL', part, async () => {
    await system.kill(part);
    await sleep(downMs);
    await system.start(part);
  });
}

/** Stops a part where it stands, and lets it go on. */
export async function pauseAndContinue(
  { system, sleep }: Where,
  part: string,
  pausedMs: number,
): Promise<Fault> {
  return fault(`SIGSTOP for ${pausedMs / 1_000} s`, part, async () => {
    system.signal(part, 'SIGSTOP');
    try {
      await sleep(pausedMs);
    } finally {
      system.signal(part, 'SIGCONT');
    }
  });
}

/** Waits until commands are acknowledged again, and the read model follows; complaints if they are not, or it does not. */
export async function recovered(system: System, context: Context, after: Fault): Promise<Complaint[]> {
  const { load, sleep, log } = context;
  const began = Date.now();
  const seconds = RECOVERY_MAX_MS / 1_000;
  const until = async (reached: () => Promise<boolean> | boolean) => {
    for (const deadline = Date.now() + RECOVERY_MAX_MS; Date.now() < deadline; await sleep(20)) {
      if (await reached()) return true;
    }
    return false;
  };
  const complaint = (check: string) => {
    return [{ check, found: `for ${seconds} s after ${after.what} of ${after.target}` }];
  };
  const before = load.acknowledged();
  if (!(await until(() => load.acknowledged() > before))) return complaint('nothing is acknowledged');
  const acknowledged = Date.now();
  const last = (await positionsOf(system))?.log ?? 0;
  const follows = async () => ((await positionsOf(system))?.readModel ?? -1) >= last;
  if (!(await until(follows))) return complaint(`the read model does not reach position ${last}`);
  if (Date.now() - began > WORTH_TELLING_MS) {
    log(
      `all goes on after ${secondsSince(began)}, of which the read model took ${secondsSince(acknowledged)}`,
    );
  }
  return [];
}

function secondsSince(time: number): string {
  return `${((Date.now() - time) / 1_000).toFixed(1)} s`;
}

/**
 * Injects a fault again and again: so many times, or, if the command line gave minutes, until they are over. Between two
 * there is a moment in which work goes on, of random length.
 */
export async function repeatedly(
  system: System,
  { context, times }: { context: Context; times: number },
  inject: (count: number) => Promise<Fault>,
): Promise<Tally> {
  const { minutes, random, sleep, log } = context;
  const tally = emptyTally();
  const end = Date.now() + (minutes ?? 0) * 60_000;
  for (let count = 1; minutes === undefined ? count <= times : Date.now() < end; count++) {
    await sleep(random.between(200, 3_000));
    const injected = await inject(count);
    tally.faults.push(injected);
    log(`${injected.what} of ${injected.target} (${count})`);
    tally.complaints.push(...(await recovered(system, context, injected)));
    if (tally.complaints.length > 0) break;
  }
  return tally;
}
