/**
 * Temporal's money transfer as its sample has it: a workflow per transfer, withdraw and deposit as regular activities.
 * The bank is in memory: only the workflows are durable. The worker has as many slots as Tallybook's.
 */
import { fileURLToPath } from 'node:url';
import { Client, WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { readConfig } from '../../runtime/config.ts';
import { main } from '../../runtime/lifecycle.ts';
import { connectToTemporal, quietTemporalLogs } from '../../worker/connection.ts';
import { servePeer } from '../peers/server.ts';
import type { Outcome, Transfer } from '../peers/transfers.ts';
import { createActivities, createBank, type Details } from './activities.ts';

const TASK_QUEUE = 'money-transfer';
const SLOTS = 200;

await main(async () => {
  const config = readConfig();
  quietTemporalLogs();
  const connection = await connectToTemporal(config.temporalAddress);
  const bank = createBank();
  const worker = await Worker.create({
    connection,
    taskQueue: TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)),
    activities: createActivities(bank),
    maxConcurrentWorkflowTaskExecutions: SLOTS,
    maxConcurrentActivityTaskExecutions: SLOTS,
  });
  const stopped = worker.run();
  stopped.catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
  const client = new Client({ connection });
  servePeer({
    open: async (accounts, funds) => bank.open(accounts, funds),
    transfer: (transfer) => move(client, transfer),
    count: async () => bank.count(),
    close: async () => {
      worker.shutdown();
      await stopped;
      await connection.close();
    },
  });
});

/** The workflow is named after the key, so that the same key starts none again. */
async function move(client: Client, transfer: Transfer): Promise<Outcome> {
  const { key, source, destination, amount } = transfer;
  const details: Details = { source, destination, amount: `${amount}`, reference: key };
  const workflowId = `money-transfer/${key}`;
  try {
    const handle = await client.workflow.start('moneyTransfer', {
      workflowId,
      taskQueue: TASK_QUEUE,
      args: [details],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
    return await outcome(handle.result());
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return outcome(client.workflow.getHandle(workflowId).result());
  }
}

async function outcome(result: Promise<unknown>): Promise<Outcome> {
  try {
    await result;
    return 'posted';
  } catch (error) {
    const activity = error instanceof WorkflowFailedError ? error.cause : undefined;
    const cause = activity instanceof ActivityFailure ? activity.cause : undefined;
    if (cause instanceof ApplicationFailure && cause.type === 'InsufficientFunds')
      return 'insufficient_funds';
    throw error;
  }
}
