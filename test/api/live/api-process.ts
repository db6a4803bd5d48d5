/** The API as a process of its own, on the servers of the run. It can be ended and started again on the same port. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { startChild, waitUntilReady, type Child } from '../../../dev/servers/child-process.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { samplesOf } from '../../support/http/prometheus.ts';

export type ApiProcess = {
  readonly url: string;
  readonly metrics: () => Promise<Record<string, number>>;
  /** Ends it in order, or kills it; gives its exit code. */
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<number | null>;
  readonly startAgain: () => Promise<void>;
  readonly remove: () => Promise<void>;
};

export async function startApiProcess(ledger: string): Promise<ApiProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'tallybook-api-'));
  const { natsUrl, temporalAddress, databaseUrl } = inject('servers');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const launch = async () => {
    const started = await startChild({
      name: 'api',
      command: process.execPath,
      args: ['api/main.ts'],
      logFile: join(folder, 'api.log'),
      env: {
        PATH: process.env['PATH'],
        PORT: `${port}`,
        LEDGER: ledger,
        NATS_URL: natsUrl,
        TEMPORAL_ADDRESS: temporalAddress,
        DATABASE_URL: databaseUrl,
      },
    });
    await waitUntilReady(started, () => fetch(`${url}/healthz`), 30_000);
    return started;
  };
  let child: Child = await launch();
  return {
    url,
    metrics: async () => samplesOf(await (await fetch(`${url}/metrics`)).text()),
    async end(signal) {
      if (signal === 'SIGTERM') await child.stop(20_000);
      else child.kill();
      return (await child.exited).code;
    },
    async startAgain() {
      child = await launch();
    },
    async remove() {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
