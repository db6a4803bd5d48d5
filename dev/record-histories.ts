/**
 * `npm run histories`: records one history of every branch of every workflow, for `test/workflows/replay.test.ts`.
 * Run it when a workflow gains a branch. Old histories stay: they are what runs in production began with.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { startThrowaway } from './throwaway.ts';

type Step = { name: string; path: string; body: object; workflowId?: string };

const MONEY = { amount: '500', currency: 'EUR' };
const STEPS: Step[] = [
  { name: 'account-create', path: '/v1/accounts', body: { id: 'alice', owner: 'alice', currency: 'EUR' } },
  { name: 'account-refused', path: '/v1/accounts', body: { id: 'alice', owner: 'bob', currency: 'EUR' } },
  { name: 'account-freeze', path: '/v1/accounts/alice/freeze', body: { reason: 'lost card' } },
  { name: 'account-unfreeze', path: '/v1/accounts/alice/unfreeze', body: {} },
  { name: 'account-close-refused', path: '/v1/accounts/nobody/close', body: {} },
  { name: 'transfer-posted', path: '/v1/deposits', body: { account: 'alice', ...MONEY } },
  { name: 'transfer-rejected', path: '/v1/withdrawals', body: { account: 'alice', ...MONEY, amount: '501' } },
  { name: 'transfer-refused', path: '/v1/deposits', body: { account: 'ghost', ...MONEY } },
];

const folder = new URL('../test/histories/', import.meta.url);
const tallybook = await startThrowaway();
try {
  await mkdir(folder, { recursive: true });
  const connection = await Connection.connect({ address: tallybook.temporalAddress });
  const client = new Client({ connection });
  for (const { name, path, body } of STEPS) {
    const before = new Date();
    const answer = await fetch(`${tallybook.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': name },
      body: JSON.stringify(body),
    });
    // The run that this request started is the newest there is.
    const query = `StartTime >= "${before.toISOString()}"`;
    let run: { workflowId: string; runId: string } | undefined;
    while (!run) {
      for await (const found of client.workflow.list({ query })) {
        if (found.status.name !== 'RUNNING') run ??= found;
      }
    }
    const history = await client.workflow.getHandle(run.workflowId, run.runId).fetchHistory();
    // Where it was recorded is nobody's business: stack traces name folders, identities name the host.
    const json = historyToJSON(history)
      .replaceAll(/"stackTrace": "[^"]*"/g, '"stackTrace": ""')
      .replaceAll(/"identity": "[^"]*"/g, '"identity": "recorder"');
    await writeFile(new URL(`${name}.json`, folder), `${json}\n`);
    console.log(`${name}: ${run.workflowId}, answered ${answer.status}`);
  }
  await connection.close();
} finally {
  await tallybook.remove();
}
