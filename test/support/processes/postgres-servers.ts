/** As `servers.ts`, for tests of the read model: with a real Postgres in place of the embedded one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { freePort } from '../../../dev/servers/ports.ts';
import { startNats } from '../../../dev/servers/servers.ts';
import { startPostgres } from './postgres.ts';

const NOT_STARTED = 'not started for tests of the read model';

/** Vitest calls this before the first test of a project, and what it gives after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallybook-test-'));
  const starts = [
    startNats({ port: await freePort(), dataDir, password: 'test', progress: console.log }),
    startPostgres({ port: await freePort(), dataDir }),
  ] as const;
  const teardown = async () => {
    await Promise.allSettled(starts.map(async (start) => await (await start).stop()));
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const [nats, database] = await Promise.all(starts);
    project.provide('servers', {
      natsUrl: nats.url,
      databaseUrl: database.url,
      temporalAddress: NOT_STARTED,
      temporalTestServer: NOT_STARTED,
      workflowBundle: NOT_STARTED,
    });
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}
