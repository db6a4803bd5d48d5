/** The systems that take turns. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild, waitUntilReady, watchdogPid } from '../dev/servers/child-process.ts';
import { freePort } from '../dev/servers/ports.ts';
import { startThrowaway, type Throwaway } from '../dev/throwaway.ts';
import { connectToNats } from '../eventlog/nats/connection.ts';
import { openLog } from '../eventlog/nats/stream.ts';
import type { System as Peer } from './peers/systems.ts';
import type { SystemPlan } from './plan.ts';
import { descendants, signalAll } from './processes.ts';
import { checkMoney, FUNDS, lastPosition, openAccounts, sumOfAccounts, untilCaughtUp } from './tallybook.ts';
import type { Accounts } from './task.ts';

/** Transfers that were answered as done, and requests of which nobody knows what they did. */
export type Sent = { readonly done: number; readonly failed: number };

export type System = {
  readonly plan: SystemPlan;
  readonly url: string;
  /** Its processes, if they are held while it is not their turn. */
  readonly held: readonly number[];
  /** Waits until what is behind the answers is finished too. */
  readonly settle: () => Promise<void>;
  /**
   * Proves that no money appeared or went, and that what was answered is there.
   * @throws Error if it is not so.
   */
  readonly check: (sent: Sent) => Promise<void>;
  readonly stop: () => Promise<void>;
};

export const ACCOUNTS: Accounts = { name: 'bench', count: 1_000 };
export const READERS: Accounts = { name: 'reader', count: 64 };

/** The ledger of the raw batches: a stream of its own on the same server. */
export const RAW_LEDGER = 'raw';

const READY_TIMEOUT_MS = 60_000;

/** Tallybook, as `npm start` runs it. */
export async function startTallybook(): Promise<System & { readonly throwaway: Throwaway }> {
  const throwaway = await startThrowaway();
  const { url } = throwaway;
  try {
    await openAccounts(url, ACCOUNTS);
    await openAccounts(url, READERS);
  } catch (error) {
    await throwaway.remove();
    throw error;
  }
  return {
    ...shared(throwaway),
    throwaway,
    plan: { kind: 'tallybook', name: 'tallybook', title: 'Tallybook' },
    async check(sent) {
      requireCount(await checkMoney(url, ACCOUNTS), sent);
    },
  };
}

/** Another one that is compared with it. */
export async function variantOf(
  tallybook: Throwaway,
  plan: Extract<SystemPlan, { kind: 'variant' }>,
): Promise<System> {
  const { url } = tallybook;
  const first = await lastPosition(url);
  const sum = await sumOfAccounts(url, first);
  return {
    ...shared(tallybook),
    plan,
    async check(sent) {
      const last = await lastPosition(url);
      // A transfer of one step is three messages.
      requireCount((last - first) / 3, sent);
      const now = await sumOfAccounts(url, last);
      if (now !== sum) throw new Error(`Money is not conserved: ${now}, not ${sum}.`);
    },
  };
}

function shared(tallybook: Throwaway): Pick<System, 'url' | 'held' | 'settle' | 'stop'> {
  const { url } = tallybook;
  return { url, held: [], settle: () => untilCaughtUp(url), stop: () => tallybook.remove() };
}

/** Workflows that do nothing, on the same Temporal server, with eager start and without. */
export async function startNoops(tallybook: Throwaway): Promise<System[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tallybook-noop-'));
  const port = await freePort();
  const child = await startChild({
    name: 'noop',
    command: process.execPath,
    args: [fileURLToPath(new URL('noop/main.ts', import.meta.url))],
    logFile: join(folder, 'noop.log'),
    env: { ...process.env, ...tallybook.env, PORT: `${port}` },
  });
  const url = `http://127.0.0.1:${port}`;
  await waitUntilReady(child, () => fetch(`${url}/readyz`), READY_TIMEOUT_MS);
  const stop = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return (['plain', 'eager'] as const).map((start) => ({
    ...NOTHING_BEHIND,
    plan: {
      kind: 'noop',
      start,
      name: `noop-${start}`,
      title: start === 'eager' ? 'Temporal, no-op workflow, eager' : 'Temporal, no-op workflow',
    },
    url,
    // A result is the proof of its workflow.
    check: () => Promise.resolve(),
    stop,
  }));
}

/** The same messages in batches, on the same NATS server. */
export async function startRaw({ natsPort }: Throwaway): Promise<System> {
  const url = `nats://tallybook:tallybook@127.0.0.1:${natsPort}`;
  const nc = await connectToNats(url, 'bench');
  await openLog(nc, { ledger: RAW_LEDGER, replicas: 1 });
  await nc.close();
  return {
    ...NOTHING_BEHIND,
    plan: { kind: 'raw', name: 'raw-jetstream', title: 'JetStream' },
    url,
    // Every batch is acknowledged, or the measurement fails.
    check: () => Promise.resolve(),
  };
}

/**
 * A system that takes the same transfers. Its processes are held while others have their turn, unless it is slow: the
 * servers of those are Tallybook's too.
 */
export async function startPeer(peer: Peer, { slow = false } = {}): Promise<System> {
  // It outlives what it watches, so it must be nobody's.
  const before = new Set([...descendants(), watchdogPid()]);
  const { url, stop } = await peer.start();
  try {
    await json(`${url}/setup`, { accounts: ACCOUNTS.count, funds: `${FUNDS}` });
  } catch (error) {
    await stop();
    throw error;
  }
  const { name, title, bulk } = peer;
  return {
    ...NOTHING_BEHIND,
    plan: { kind: 'transfers', name, title, slow, several: bulk, direct: !slow },
    url,
    held: slow ? [] : descendants().filter((pid) => !before.has(pid)),
    async check(sent) {
      type Count = { transfers: number; sum: string; negative: number };
      const { transfers, sum, negative } = await json<Count>(`${url}/check`);
      requireCount(transfers, sent);
      const funds = FUNDS * BigInt(ACCOUNTS.count);
      if (BigInt(sum) !== funds) throw new Error(`Money is not conserved: ${sum}, not ${funds}.`);
      if (negative > 0) throw new Error(`${negative} accounts are below zero.`);
    },
    stop,
  };
}

/** Exactly those that were answered, and perhaps those that were not. */
function requireCount(found: number, { done, failed }: Sent): void {
  if (found >= done && found <= done + failed) return;
  const unknown = failed > 0 ? `, and ${failed} were not` : '';
  throw new Error(`${done} transfers were answered${unknown}; ${found} are there.`);
}

export type Turns = {
  /** Lets the processes of one system go, and holds all others that can be held. */
  readonly give: (system?: System) => void;
  /** Lets all go: what is held cannot be stopped in order. */
  readonly end: () => void;
};

/** Holds all systems that can be held. */
export function createTurns(systems: readonly System[]): Turns {
  let last: System | undefined;
  for (const { held } of systems) signalAll(held, 'SIGSTOP');
  return {
    give(system) {
      if (system === last) return;
      signalAll(last?.held ?? [], 'SIGSTOP');
      signalAll(system?.held ?? [], 'SIGCONT');
      last = system;
    },
    end() {
      for (const { held } of systems) signalAll(held, 'SIGCONT');
    },
  };
}

const NOTHING_BEHIND = { held: [], settle: () => Promise.resolve(), stop: () => Promise.resolve() };

/** A GET, or a POST of the body. */
export async function json<Body>(url: string, body?: object): Promise<Body> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, body && { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Body;
}
