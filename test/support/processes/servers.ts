/** Starts the servers once for all tests that need them, with their data in a folder that is removed afterwards. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findBinary } from '../../../dev/servers/binaries.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { startNats, startReadModel, startTemporal } from '../../../dev/servers/servers.ts';
import { readerFile } from '../../../postgres/urls.ts';
import { bundleWorkflows } from '../../../worker/workflow-bundle.ts';

/** Tests lose nothing that matters with the machine, and many have a pool of their own. */
const POSTGRES_FOR_TESTS = {
  fsync: 'off',
  full_page_writes: 'off',
  max_wal_size: '4GB',
  shared_buffers: '256MB',
  max_connections: '300',
  // A projector, or a test, gathers statistics itself.
  autovacuum: 'off',
};

/** What tests get with `inject('servers')`. */
export type Servers = Readonly<{
  /** The writer's, with its name and password; without them anybody may read. */
  natsUrl: string;
  temporalAddress: string;
  databaseUrl: string;
  /** The same database, for the role that can only read. */
  readerUrl: string;
  /** The program of the time-skipping server, for `TestWorkflowEnvironment`. */
  temporalTestServer: string;
  /** A file with the workflows: bundling them takes each worker three seconds of a processor. */
  workflowBundle: string;
}>;

declare module 'vitest' {
  export interface ProvidedContext {
    servers: Servers;
  }
}

/** Vitest calls this before the first test of a project, and what it gives after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallybook-test-'));
  const starts = [
    startNats({ port: await freePort(), dataDir, password: 'test', progress: console.log }),
    startTemporal({ port: await freePort(), dataDir, progress: console.log }),
    startReadModel({ port: await freePort(), dataDir, settings: POSTGRES_FOR_TESTS }),
  ] as const;
  const teardown = async () => {
    // One that did not start has stopped itself.
    await Promise.allSettled(starts.map(async (start) => await (await start).stop()));
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const workflowBundle = join(dataDir, 'workflows.js');
    await writeFile(workflowBundle, (await bundleWorkflows()).code);
    const [nats, temporal, readModel] = await Promise.all(starts);
    project.provide('servers', {
      natsUrl: nats.url,
      temporalAddress: temporal.url,
      databaseUrl: readModel.url,
      readerUrl: await readerUrlOf(dataDir, readModel.url),
      temporalTestServer: await findBinary('temporal-test-server', console.log),
      workflowBundle,
    });
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

/** As psql would make it of the file. */
async function readerUrlOf(dataDir: string, ownerUrl: string): Promise<string> {
  const [, , , user, password] = (await readFile(readerFile(dataDir), 'utf8')).trim().split(':');
  return Object.assign(new URL(ownerUrl), { username: user, password }).href;
}
