/** The branches of the workflow of a bulk. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Recorder, Scenario } from './scenarios.ts';

const CHUNK = 300;

/** Sends a bulk of so many chunks. Of a hundred lines one is rejected, one fails, and the others are posted. */
async function sent({ id, post }: Recorder, chunks: number) {
  const account = id('a');
  await post('/v1/accounts', { id: account, owner: account, currency: 'EUR' });
  const transfers = Array.from({ length: chunks * CHUNK }, (_, index) => {
    const money = { amount: '1', currency: 'EUR' };
    if (index % 100 === 0) return { source: account, destination: 'world_USD', ...money };
    const destination = index % 100 === 1 ? id('nobody') : account;
    return { source: 'world_EUR', destination, ...money };
  });
  const bulk = await post('/v1/bulk-transfers', { transfers });
  return { id: bulk['id'] ?? '', workflowId: bulk['workflow_id'] ?? '', chunks };
}

/** The same bulk again, in runs of two chunks; all of them find that their work was done. */
async function inShortRuns(recorder: Recorder) {
  const { id, workflowId, chunks } = await sent(recorder, 3);
  const { workflow } = recorder.client;
  await workflow.getHandle(workflowId).result();
  const args = [{ id, chunks, chunks_a_run: 2 }];
  const handle = await workflow.start('bulk', { workflowId, taskQueue: 'ledger', args });
  await handle.result();
  return { workflowId, first: handle.firstExecutionRunId };
}

export const BULK_SCENARIOS: readonly Scenario[] = [
  { name: 'bulk-completed', run: (recorder) => sent(recorder, 5) },
  {
    name: 'bulk-continued-as-new',
    async run(recorder) {
      const { workflowId, first: runId } = await inShortRuns(recorder);
      return { workflowId, runId };
    },
  },
  {
    name: 'bulk-gone-on-with',
    async run(recorder) {
      const { workflowId } = await inShortRuns(recorder);
      return { workflowId, runId: (await recorder.client.workflow.getHandle(workflowId).describe()).runId };
    },
  },
  {
    name: 'bulk-cancelled',
    async run(recorder) {
      const { workflowId } = await sent(recorder, 30);
      await sleep(200);
      await recorder.client.workflow.getHandle(workflowId).cancel();
      return { workflowId };
    },
  },
];
