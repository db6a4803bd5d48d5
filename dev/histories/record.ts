/**
 * `npm run histories`: records a history of each scenario that has none yet, for `test/workflows/replay.test.ts`. A
 * scenario is one branch of a workflow; add one when a workflow gains a branch. Histories that are there stay: they are
 * what runs in production began with.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { readConfig } from '../../runtime/config.ts';
import { startSimulator } from '../rail-simulator/server.ts';
import { freePort } from '../servers/ports.ts';
import { startThrowaway } from '../throwaway.ts';
import { BULK_SCENARIOS } from './bulk-scenarios.ts';
import { PATIENCE_SECONDS, railScenarios } from './rail-scenarios.ts';
import { SCENARIOS, type Recorder } from './scenarios.ts';
import { SCHEDULE_SCENARIOS } from './schedule-scenarios.ts';

const folder = new URL('../../test/histories/', import.meta.url);
const { rails } = readConfig({ RAIL_PORT: `${await freePort()}` });
const missing = [
  ...SCENARIOS,
  ...BULK_SCENARIOS,
  ...SCHEDULE_SCENARIOS,
  ...railScenarios(rails.secret),
].filter(({ name }) => !existsSync(new URL(`${name}.json`, folder)));
if (missing.length === 0) {
  console.log('Every scenario has its history.');
  process.exit(0);
}
const tallybook = await startThrowaway({
  RAIL_PORT: `${rails.port}`,
  RAIL_POLL_MS: '500',
  RAIL_PATIENCE_SECONDS: `${PATIENCE_SECONDS}`,
});
const simulator = await startSimulator({
  port: rails.port,
  secret: rails.secret,
  log: () => {},
  file: join(tallybook.dataDir, 'rail', 'payments.ndjson'),
  url: `${tallybook.url}/v1/rails/simulator/callbacks`,
});
try {
  await mkdir(folder, { recursive: true });
  const connection = await Connection.connect({ address: tallybook.temporalAddress });
  const client = new Client({ connection });
  for (const { name, run } of missing) {
    const { workflowId, runId } = await run(recorder(name, client));
    const handle = client.workflow.getHandle(workflowId, runId);
    // However it ends, it is to have ended.
    await handle.result().catch(() => {});
    // Where it was recorded is nobody's business: stack traces name folders, identities name the host.
    const json = historyToJSON(await handle.fetchHistory())
      .replaceAll(/"stackTrace": "(?:[^"\\]|\\.)*"/g, '"stackTrace": ""')
      .replaceAll(/"identity": "[^"]*"/g, '"identity": "recorder"');
    await writeFile(new URL(`${name}.json`, folder), `${json}\n`);
    console.log(`${name}: ${workflowId}`);
  }
  await connection.close();
} finally {
  await simulator.close();
  await tallybook.remove();
}

function recorder(scenario: string, client: Client): Recorder {
  let calls = 0;
  type Ask = (
    path: string,
    body: object,
    headers?: Record<string, string>,
  ) => Promise<Record<string, string>>;
  const asking =
    (method: string): Ask =>
    async (path, body, headers) => {
      calls += 1;
      const answer = await fetch(`${tallybook.url}${path}`, {
        method,
        headers: {
          'content-type': 'application/json',
          'idempotency-key': `${scenario} ${calls}`,
          ...headers,
        },
        body: JSON.stringify(body),
      });
      return (await answer.json()) as Record<string, string>;
    };
  return {
    id: (what) => `${scenario}-${what}`,
    client,
    post: asking('POST'),
    patch: asking('PATCH'),
    async newest(workflowId) {
      for (;;) {
        const query = `WorkflowId = "${workflowId}"`;
        for await (const found of client.workflow.list({ query })) {
          if (found.status.name !== 'RUNNING') return found;
        }
      }
    },
  };
}
