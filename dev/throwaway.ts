/** A whole Tallybook, started as `npm start` does, on free ports and in a folder that is removed afterwards. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownerUrl } from '../postgres/urls.ts';
import { freePort } from './servers/ports.ts';

const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 45_000;

export type Throwaway = {
  readonly url: string;
  readonly natsPort: number;
  readonly temporalAddress: string;
  readonly databaseUrl: string;
  readonly dataDir: string;
  /** The environment that it was started with, for what should run beside it. */
  readonly env: Record<string, string>;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Asks it to end as Ctrl-C does, waits, and gives its exit code. The data stay. */
  readonly stop: () => Promise<number | null>;
  /** Starts it again on the same data and ports, with further environment variables if they are given. */
  readonly startAgain: (settings?: Record<string, string>) => Promise<void>;
  /** Stops it and removes its data. */
  readonly remove: () => Promise<void>;
};

/**
 * Starts it and waits until it is ready.
 * @param settings environment variables besides the ports and the folder
 * @param command what `npm start` runs, if not here or not as usual
 * @throws Error with what it printed if it does not get ready.
 */
export async function startThrowaway(
  settings: Record<string, string> = {},
  command: readonly string[] = [fileURLToPath(new URL('run.mjs', import.meta.url)), 'dev/start.ts'],
): Promise<Throwaway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallybook-'));
  const [http, nats, temporal, ui, readModel] = await Promise.all([1, 2, 3, 4, 5].map(() => freePort()));
  const env = {
    ...settings,
    PORT: `${http}`,
    NATS_PORT: `${nats}`,
    TEMPORAL_PORT: `${temporal}`,
    TEMPORAL_UI_PORT: `${ui}`,
    READ_MODEL_PORT: `${readModel}`,
    DATA_DIR: dataDir,
  };
  let printed = '';
  let running = launch();
  await ready();

  function launch(more: Record<string, string> = {}) {
    const child = spawn(process.execPath, command, {
      env: { ...process.env, ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    }
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    return { child, exited };
  }

  async function ready(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      if (running.child.exitCode !== null || Date.now() > deadline) {
        running.child.kill('SIGKILL');
        throw new Error(`Tallybook did not get ready:\n${printed}`);
      }
      const answer = await fetch(`http://127.0.0.1:${http}/readyz`).catch(() => undefined);
      if (answer?.ok && printed.includes('curl')) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function stop(): Promise<number | null> {
    running.child.kill('SIGINT');
    const timer = setTimeout(() => running.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const code = await running.exited;
    clearTimeout(timer);
    return code;
  }

  return {
    url: `http://127.0.0.1:${http}`,
    natsPort: nats ?? 0,
    temporalAddress: `127.0.0.1:${temporal}`,
    get databaseUrl() {
      // In a new data folder the password is another one.
      return ownerUrl(dataDir, readModel ?? 0);
    },
    dataDir,
    env,
    output: () => printed,
    stop,
    async startAgain(more) {
      printed = '';
      running = launch(more);
      await ready();
    },
    async remove() {
      if (running.child.exitCode === null && running.child.signalCode === null) await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
