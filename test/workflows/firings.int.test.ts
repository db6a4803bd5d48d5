import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firingTransferId } from '../../domain/schedule.ts';
import {
  everySecond,
  inSeconds,
  openScheduleLedger,
  transfer,
  type ScheduleLedger,
} from '../support/ledgers/schedules.ts';

let ledger: ScheduleLedger;
beforeAll(async () => {
  ledger = await openScheduleLedger();
}, 120_000);
afterAll(() => ledger.workers.close());

/** When a firing was due: its workflow is named by that, to the second. */
function dueAt(fired: { readonly workflowId: string } | undefined): number {
  return Date.parse(fired?.workflowId.slice(-'yyyy-mm-ddThh:mm:ssZ'.length) ?? '');
}

describe('a firing', () => {
  test('each is a transfer of its own, with the link, named by the time that it was due', async () => {
    const id = await ledger.make(
      everySecond({ transfer: { ...transfer, reference: 'rent', metadata: { flat: '4' } } }),
    );
    const transfers = await ledger.untilFired(id, 3);
    await ledger.schedules.remove(id);
    const ids = transfers.map(({ aggregateId }) => aggregateId);
    expect(new Set(ids).size).toBe(ids.length);
    const workflow = ledger.workers.client.workflow.getHandle(transfers[0]?.workflowId ?? '');
    expect(workflow.workflowId).toMatch(
      new RegExp(`^schedule/${id}-\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$`),
    );
    expect(ids[0]).toBe(firingTransferId(id, workflow.workflowId.slice(-20)));
    expect(transfers[0]?.name).toBe('TransferCompleted');
    expect(transfers[0]?.data).toMatchObject({ reference: 'rent', metadata: { flat: '4' }, schedule: id });
    expect(transfers[0]?.actor).toBe('test');
    const { type, status, searchAttributes, staticSummary } = await describeWhenDone(workflow.workflowId);
    expect([type, status.name]).toEqual(['firing', 'COMPLETED']);
    expect(await staticSummary()).toBe('transfer of 1 EUR: a → b');
    expect(searchAttributes).toMatchObject({
      LedgerAccounts: ['a', 'b'],
      LedgerKind: ['transfer'],
      LedgerStatus: ['posted'],
      LedgerCurrency: ['EUR'],
      LedgerAmount: [1],
    });
  });

  test('that is rejected is on record, and does not stop the schedule', async () => {
    const id = await ledger.make(everySecond({ transfer: { ...transfer, amount: '1000000' } }));
    const transfers = await ledger.untilFired(id, 2);
    expect(new Set(transfers.map(({ name }) => name))).toEqual(new Set(['TransferRejected']));
    const workflowId = transfers[0]?.workflowId ?? '';
    const { status, searchAttributes } = await describeWhenDone(workflowId);
    expect([status.name, searchAttributes['LedgerStatus']]).toEqual(['COMPLETED', ['rejected']]);
    const found = await ledger.schedules.find(id);
    expect(found?.schedule.status).toBe('active');
    const [first] = found?.started ?? [];
    expect(first).toMatchObject({ transfer: transfers[0]?.aggregateId, workflow_id: workflowId });
    expect(await ledger.schedules.outcome(first!)).toEqual({ status: 'rejected' });
    await ledger.schedules.remove(id);
  });

  test('that could not be recorded fails where it is seen, and does not stop the schedule', async () => {
    const id = await ledger.make(everySecond({ transfer: { ...transfer, destination: 'ghost' } }));
    const started = async () => (await ledger.schedules.find(id))?.started ?? [];
    await expect.poll(async () => (await started()).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    const [first] = await started();
    await describeWhenDone(first!.workflow_id);
    expect(await ledger.schedules.outcome(first!)).toEqual({ status: 'failed', reason: 'account_not_found' });
    expect((await ledger.schedules.find(id))?.schedule.status).toBe('active');
    expect(await ledger.fired(id)).toEqual([]);
    await ledger.schedules.remove(id);
  });

  test('does not come while the schedule is paused, is not made up for, and comes again after', async () => {
    const id = await ledger.make(everySecond());
    await ledger.untilFired(id, 1);
    expect(await ledger.schedules.pause(id, undefined)).toMatchObject({ status: 'paused', next_firings: [] });
    const paused = Date.now();
    await ledger.untilQuiet(id);
    await sleep(3_000);
    // One that was due before the pause may still have been on its way.
    const before = await ledger.fired(id);
    expect(before.map(dueAt).filter((due) => due > paused)).toEqual([]);
    const resumed = Date.now();
    expect(await ledger.schedules.resume(id, 'again')).toMatchObject({ status: 'active', reason: 'again' });
    const [next] = (await ledger.untilFired(id, before.length + 1)).slice(before.length);
    expect(dueAt(next)).toBeGreaterThan(resumed - 1_000);
    await ledger.schedules.remove(id);
  });

  test('is one transfer, however often Temporal starts it', async () => {
    const start = new Date();
    const id = await ledger.make(everySecond());
    await ledger.untilFired(id, 2);
    await ledger.schedules.pause(id, undefined);
    const before = await ledger.untilQuiet(id);
    const handle = ledger.workers.client.schedule.getHandle(`schedule/${id}`);
    const runs = async () => (await handle.describe()).info.numActionsTaken;
    // The same times once more, as somebody may ask for in the Temporal UI.
    await handle.backfill({ start, end: new Date(before.at(-1)?.time ?? ''), overlap: 'ALLOW_ALL' });
    await expect.poll(runs, { timeout: 10_000 }).toBeGreaterThan(before.length);
    await sleep(500);
    await ledger.workers.client.workflowService.resetWorkflowExecution({
      namespace: ledger.workers.client.options.namespace,
      workflowExecution: { workflowId: before[0]?.workflowId ?? '' },
      workflowTaskFinishEventId: 3 as never,
      requestId: randomUUID(),
      reason: 'to see that it is one transfer',
    });
    const result = await ledger.workers.client.workflow.getHandle(before[0]?.workflowId ?? '').result();
    expect(result).toMatchObject({ replayed: true });
    // A firing that was due before the pause may have come late: it is a transfer of its own.
    const after = await ledger.fired(id);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(new Set(after.map(({ aggregateId }) => aggregateId)).size).toBe(after.length);
  });

  test('is started by its schedule, and by nobody else', async () => {
    const { client } = ledger.workers;
    const start = { workflowId: randomUUID(), taskQueue: 'ledger' };
    const request = { schedule: 'sch_1', transfer, actor: 'test', fingerprint: 'f' };
    const run = client.workflow.execute('firing', { ...start, args: [request] });
    const error = await run.catch((failure: WorkflowFailedError) => failure);
    expect(error).toMatchObject({ cause: { type: 'invalid_request' } });
  });
});

/** What is known of a firing's workflow when it has ended. */
async function describeWhenDone(workflowId: string) {
  const handle = ledger.workers.client.workflow.getHandle(workflowId);
  await handle.result().catch(() => {});
  return handle.describe();
}

test('a worker that is killed when a firing is in the log is followed by one that makes no second', async () => {
  const { workers, schedules, fired } = await openScheduleLedger(1);
  try {
    const { id, ...rest } = everySecond({ ends_at: inSeconds(4) });
    await schedules.create({ id, ...rest });
    await expect.poll(() => workers.killed(), { timeout: 20_000 }).toBe(1);
    const status = async () => (await schedules.find(id))?.schedule.status;
    await expect.poll(status, { timeout: 20_000 }).toBe('ended');
    const due = (await schedules.find(id))?.started ?? [];
    for (const { workflow_id } of due) await workers.client.workflow.getHandle(workflow_id).result();
    const made = (await fired(id)).map(({ aggregateId }) => aggregateId);
    expect(new Set(made)).toEqual(new Set(due.map((firing) => firing.transfer)));
    expect(made).toHaveLength(due.length);
    const last = await workers.log.reader.lastOf('a');
    expect(last?.data.balances.posted).toBe(String(1_000 - due.length));
  } finally {
    await workers.close();
  }
}, 90_000);
