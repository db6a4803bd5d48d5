/** A ledger of two million events and 200,000 accounts, beside an empty one: whether it is as fast, and its memory. */
import { startNats } from '../dev/servers/servers.ts';
import { startThrowaway, type Throwaway } from '../dev/throwaway.ts';
import { measureLog } from './log/measure.ts';
import { CLIENTS } from './plan.ts';
import { LARGE, type Memory } from './report/targets.ts';
import { variantOf, type System } from './systems.ts';
import { memoryOf, openAccounts, untilCaughtUp } from './tallybook.ts';
import type { Accounts } from './task.ts';

/** With one event for each account this makes two million. */
const TRANSFERS = 600_000;
const ALL_ACCOUNTS: Accounts = { name: 'account', count: 200_000 };
/** As many of them as the small ledger has: so only the size of the log differs. */
const SOME_ACCOUNTS: Accounts = { name: 'account', count: 1_000 };
const SMALL_ACCOUNTS: Accounts = { name: 'bench', count: 1_000 };

export type LargeAndSmall = {
  readonly systems: readonly System[];
  readonly memory: () => Promise<{ large: Memory; small: Memory }>;
};

/** Fills the large one, which takes minutes. */
export async function startLargeAndSmall(): Promise<LargeAndSmall> {
  const small = await startThrowaway();
  let large: Throwaway | undefined;
  try {
    await openAccounts(small.url, SMALL_ACCOUNTS);
    large = await startThrowaway();
    await fill(large);
    const systems = [
      await variantOf(large, {
        ...plan(LARGE.system, 'Tallybook, two million events', SOME_ACCOUNTS),
        spread: ALL_ACCOUNTS,
      }),
      await variantOf(small, plan(LARGE.empty, 'Tallybook, empty ledger', SMALL_ACCOUNTS)),
    ];
    const urls = { large: large.url, small: small.url };
    return {
      systems,
      memory: async () => ({ large: await memoryOf(urls.large), small: await memoryOf(urls.small) }),
    };
  } catch (error) {
    await large?.remove();
    await small.remove();
    throw error;
  }
}

function plan(name: string, title: string, accounts: Accounts) {
  return { kind: 'variant', name, title, accounts, clients: [CLIENTS] } as const;
}

/** Appends to its log while it is down, then waits until its read model has seen it all. */
async function fill(tallybook: Throwaway): Promise<void> {
  const { natsPort: port, dataDir } = tallybook;
  await tallybook.stop();
  console.log('Filling a log with two million events over 200,000 accounts; this takes minutes.');
  const nats = await startNats({ port, dataDir, password: 'tallybook' });
  try {
    const { count } = ALL_ACCOUNTS;
    await measureLog(nats.url, { type: 'fill', ledger: 'main', accounts: count, transfers: TRANSFERS });
  } finally {
    await nats.stop();
  }
  await tallybook.startAgain();
  let told = Date.now();
  await untilCaughtUp(tallybook.url, (lag) => {
    if (Date.now() - told < 10_000) return;
    told = Date.now();
    console.log(`The read model is ${lag.toLocaleString('en')} events behind.`);
  });
}
