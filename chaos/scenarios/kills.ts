/** Processes that are killed at random moments. */
import { existsSync, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fault, type Scenario } from '../scenario.ts';
import type { System } from '../system.ts';
import { emptyTally, EVERYTHING, killAndStart, recovered, repeatedly } from './faults.ts';

const TIMES = 10;
const WORKER_TIMES = 50;
const DOWN_MAX_MS = 1_500;
/** How long to wait for a write; under load there is one every few milliseconds. */
const WRITE_MAX_MS = 5_000;

/** One part, killed again and again. */
function killed(part: string, times: number, proves: string): Scenario {
  return {
    name: `kill-${part.replace(/-1$/, '')}`,
    proves,
    short: false,
    system: { workers: 1 },
    inject: (system, context) =>
      repeatedly(system, { context, times: context.short ? 3 : times }, () =>
        killAndStart({ system, ...context }, part, context.random.between(0, DOWN_MAX_MS)),
      ),
  };
}

const everythingKilled: Scenario = {
  name: 'kill-everything',
  proves:
    'Each process is killed once, in random order, and then all at the same moment: nothing is lost or doubled.',
  short: false,
  system: { workers: 1 },
  async inject(system, context) {
    const tally = emptyTally();
    for (const part of context.random.shuffled(EVERYTHING)) {
      await context.sleep(context.random.between(500, 2_000));
      const injected = await killAndStart(
        { system, ...context },
        part,
        context.random.between(0, DOWN_MAX_MS),
      );
      context.log(`${injected.what} of ${part}`);
      tally.faults.push(injected);
      tally.complaints.push(...(await recovered(system, context, injected)));
    }
    await context.sleep(context.random.between(500, 2_000));
    const all = await fault('SIGKILL of all at once', 'everything', async () => {
      await Promise.all(EVERYTHING.map((part) => system.kill(part)));
      await Promise.all(['nats', 'temporal', 'read-model'].map((part) => system.start(part)));
      await Promise.all(['worker-1', 'projector', 'api'].map((part) => system.start(part)));
    });
    context.log(all.what);
    tally.faults.push(all);
    tally.complaints.push(...(await recovered(system, context, all)));
    return tally;
  },
};

/** Kills nats-server while it writes: between the write and the acknowledgement there is a sync to disk. */
const natsKilledMidBatch: Scenario = {
  name: 'kill-nats-mid-batch',
  proves: 'NATS is killed at the moment at which it writes a batch: the batch is there whole, or not at all.',
  short: false,
  system: { workers: 1 },
  inject: (system, context) =>
    repeatedly(system, { context, times: context.short ? 3 : TIMES }, () =>
      fault('SIGKILL while writing', 'nats', async () => {
        await nextWrite(system, context.random.between(1, 40));
        await system.kill('nats');
        await system.start('nats');
      }),
    ),
};

/** Whoever follows the log must not take the second end for the first. */
const natsKilledTwice: Scenario = {
  name: 'kill-nats-twice',
  proves: 'NATS is killed again as soon as it is back: whoever follows the log goes on where they were.',
  short: false,
  system: { workers: 1 },
  inject: (system, context) =>
    repeatedly(system, { context, times: context.short ? 3 : TIMES }, () =>
      fault('SIGKILL twice', 'nats', async () => {
        await killAndStart({ system, ...context }, 'nats', context.random.between(0, 300));
        await context.sleep(context.random.between(0, 1_000));
        await killAndStart({ system, ...context }, 'nats', context.random.between(0, 300));
      }),
    ),
};

export const kills: readonly Scenario[] = [
  everythingKilled,
  killed('worker-1', WORKER_TIMES, 'The only worker is killed 50 times: what it had in hand is done once.'),
  killed('api', TIMES, 'The API is killed: what it had taken goes on, and its key tells the outcome.'),
  killed('projector', TIMES, 'The projector is killed: the read model catches up, and is what the log says.'),
  killed('nats', TIMES, 'NATS is killed: what it acknowledged is there, and the rest is told by the key.'),
  natsKilledMidBatch,
  natsKilledTwice,
  killed('temporal', TIMES, 'The Temporal server is killed: workflows go on where they were.'),
  killed('read-model', TIMES, 'The read model’s database is killed: commands go on, and it catches up.'),
];

/** Resolves in the middle of things: at the n-th change of the log's files. */
async function nextWrite(system: System, count: number): Promise<void> {
  const folder = messagesFolder(join(system.dataDir, 'nats'));
  if (folder === undefined) throw new Error(`There is no stream below ${system.dataDir}/nats.`);
  let left = count;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, WRITE_MAX_MS);
    const watcher = watch(folder, () => {
      left -= 1;
      if (left === 0) done();
    });
    function done() {
      clearTimeout(timer);
      watcher.close();
      resolve();
    }
  });
}

/** `jetstream/<account>/streams/LEDGER_main/msgs` */
function messagesFolder(store: string): string | undefined {
  const root = join(store, 'jetstream');
  return readdirSync(root)
    .map((account) => join(root, account, 'streams', 'LEDGER_main', 'msgs'))
    .find((folder) => existsSync(folder));
}
