/** A whole Tallybook, and beside it another process with an API and a worker on the same servers. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from '../../../dev/servers/child-process.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { startThrowaway, type Throwaway } from '../../../dev/throwaway.ts';

export type TwoTallybooks = {
  readonly first: Throwaway;
  readonly urls: readonly [string, string];
  readonly remove: () => Promise<void>;
};

const READY_TIMEOUT_MS = 60_000;

/**
 * Starts both, and waits until both are ready.
 * @param settings environment variables of both
 */
export async function startTwoTallybooks(settings: Record<string, string> = {}): Promise<TwoTallybooks> {
  const first = await startThrowaway(settings);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const second = await startChild({
    name: 'second Tallybook',
    command: process.execPath,
    args: [fileURLToPath(new URL('../../../main.ts', import.meta.url))],
    logFile: join(first.dataDir, 'logs', 'second.log'),
    env: { ...process.env, ...first.env, PORT: `${port}` },
  });
  const remove = async () => {
    await second.stop();
    await first.remove();
  };
  for (const deadline = Date.now() + READY_TIMEOUT_MS; ;) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return { first, urls: [first.url, url], remove };
    if (Date.now() > deadline) {
      const tail = second.logTail();
      await remove();
      throw new Error(`The second one did not get ready:\n${tail}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
