/** The simulated rail as a process of its own, as `npm run rail` starts it. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild, waitUntilReady } from '../../../dev/servers/child-process.ts';

export type SimulatedRail = {
  readonly url: string;
  /** What it was given. */
  readonly payments: () => Promise<{ id: string; key: string; state: string; requests: number }[]>;
  /** Kills it, without any farewell. What it was given stays in its file. */
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Starts it and waits until it answers.
 * @param env RAIL_PORT, where it listens; PORT, that of the API; RAIL_SECRET; DATA_DIR
 */
export async function startSimulatedRail(env: Record<string, string>): Promise<SimulatedRail> {
  const child = await startChild({
    name: 'rail',
    command: process.execPath,
    args: [join(ROOT, 'dev/rail-simulator/main.ts')],
    cwd: ROOT,
    logFile: join(env['DATA_DIR'] ?? '', 'logs', 'rail.log'),
    env: { ...process.env, ...env },
  });
  const url = `http://127.0.0.1:${env['RAIL_PORT']}`;
  const payments = async () => {
    const answer = await fetch(`${url}/payments`);
    return ((await answer.json()) as { data: Awaited<ReturnType<SimulatedRail['payments']>> }).data;
  };
  await waitUntilReady(child, payments, 30_000);
  return {
    url,
    payments,
    async kill() {
      child.kill();
      await child.exited;
    },
    stop: () => child.stop(),
  };
}
