/** The branches of the workflows of transfers, holds and accounts, each as what a client does to get there. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { idempotencyKey } from '../../api/commands/idempotency.ts';

type Run = { readonly workflowId: string; readonly runId?: string | undefined };
type Body = Record<string, unknown>;
type Headers = Record<string, string>;

export type Recorder = {
  /** A name of its own for each scenario. */
  readonly id: (what: string) => string;
  readonly client: Client;
  /** Asks with a key of its own, unless the headers give one. */
  readonly post: (path: string, body: Body, headers?: Headers) => Promise<Record<string, string>>;
  readonly patch: (path: string, body: Body, headers?: Headers) => Promise<Record<string, string>>;
  /** The newest run of a workflow that has ended. */
  readonly newest: (workflowId: string) => Promise<Run>;
};

export type Scenario = { readonly name: string; readonly run: (recorder: Recorder) => Promise<Run> };

const MONEY = { amount: '500', currency: 'EUR' };

/** An account of the scenario's own, with 500. */
async function funded({ id, post }: Recorder): Promise<string> {
  const account = id('a');
  await post('/v1/accounts', { id: account, owner: account, currency: 'EUR' });
  await post('/v1/deposits', { account, ...MONEY });
  return account;
}

/** A transfer of 100 from that account to the world, which waits for what is given. */
async function waiting(recorder: Recorder, waits: Body, headers?: Headers): Promise<Record<string, string>> {
  const source = await funded(recorder);
  const body = { source, destination: 'world_EUR', ...MONEY, amount: '100', ...waits };
  return recorder.post('/v1/transfers', body, headers);
}

const approval = { approval: { timeout_seconds: 600 } };
const soon = () => ({ scheduled_for: new Date(Date.now() + 1_500).toISOString() });
const workflowOf = ({ workflow_id: workflowId = '' }: Record<string, string>): Run => ({ workflowId });

/** A transfer that waits for its approval, and is decided over HTTP. */
const decided = (name: string, ...decisions: string[]): Scenario => ({
  name,
  async run(recorder) {
    const transfer = await waiting(recorder, approval);
    for (const decision of decisions)
      await recorder.post(`/v1/transfers/${transfer['id']}/${decision}`, { reason: 'so be it' });
    return workflowOf(transfer);
  },
});

/** A hold of 100 to which something is done over HTTP. */
const held = (name: string, expires: Body, ...steps: [string, Body][]): Scenario => ({
  name,
  async run(recorder) {
    const account = await funded(recorder);
    const hold = await recorder.post('/v1/holds', { account, ...MONEY, amount: '100', ...expires });
    for (const [step, body] of steps) await recorder.post(`/v1/holds/${hold['id']}/${step}`, body);
    return recorder.newest(workflowOf(hold).workflowId);
  },
});

const expires = { expires_in_seconds: 600 };

/** An account of the scenario's own, with 500, to which something is done over HTTP. */
const changed = (name: string, ...actions: string[]): Scenario => ({
  name,
  async run(recorder) {
    const account = await funded(recorder);
    for (const action of actions) await recorder.post(`/v1/accounts/${account}/${action}`, {});
    return recorder.newest(`account/${account}`);
  },
});

export const SCENARIOS: readonly Scenario[] = [
  changed('account-created'),
  changed('account-frozen', 'freeze'),
  changed('account-unfrozen', 'freeze', 'unfreeze'),
  changed('account-close-error', 'close'),
  { name: 'transfer-posted', run: async (recorder) => workflowOf(await waiting(recorder, {})) },
  {
    name: 'transfer-rejected',
    async run(recorder) {
      const key = recorder.id('key');
      await waiting(recorder, { amount: '501' }, { 'idempotency-key': key });
      return recorder.newest(`transfer/${idempotencyKey(key).transferId}`);
    },
  },
  {
    name: 'transfer-error',
    async run(recorder) {
      const key = recorder.id('key');
      await waiting(recorder, { destination: 'ghost' }, { 'idempotency-key': key });
      return recorder.newest(`transfer/${idempotencyKey(key).transferId}`);
    },
  },
  {
    // As it also fails at once when the appender's queue is full.
    name: 'transfer-activity-failed',
    async run({ client, id }) {
      const workflowId = `transfer/${id('tr')}`;
      const names = { id: id('tr'), command_id: id('tr'), fingerprint: 'recorded', actor: 'recorder' };
      const terms = { type: 'transfer', kind: 'transfer', source: 'a', destination: 'b', currency: 'EUR' };
      await client.workflow.start('transfer', {
        workflowId,
        taskQueue: 'ledger',
        args: [{ ...names, ...terms, amount: 'no number', requested_at: new Date().toISOString() }],
      });
      return { workflowId };
    },
  },
  decided('transfer-approved', 'approve'),
  decided('transfer-declined', 'reject'),
  decided('transfer-cancelled', 'cancel'),
  {
    name: 'transfer-approval-expired',
    run: async (recorder) => workflowOf(await waiting(recorder, { approval: { timeout_seconds: 1 } })),
  },
  {
    name: 'transfer-approved-waited-for',
    async run(recorder) {
      const transfer = await waiting(recorder, approval);
      const handle = recorder.client.workflow.getHandle(workflowOf(transfer).workflowId);
      // As an API does that shares no process with the worker.
      await handle.executeUpdate('outcome');
      await handle.executeUpdate('approve', { args: [{ reason: '' }] }).catch(() => {});
      await handle.executeUpdate('approve');
      return workflowOf(transfer);
    },
  },
  {
    name: 'transfer-failed-on-approval',
    async run(recorder) {
      const transfer = await waiting(recorder, approval);
      await recorder.post(`/v1/accounts/${recorder.id('a')}/freeze`, {});
      await recorder.post(`/v1/transfers/${transfer['id']}/approve`, {});
      return workflowOf(transfer);
    },
  },
  { name: 'transfer-scheduled', run: async (recorder) => workflowOf(await waiting(recorder, soon())) },
  {
    name: 'transfer-scheduled-failed',
    run: async (recorder) => workflowOf(await waiting(recorder, { ...soon(), amount: '501' })),
  },
  {
    name: 'transfer-approved-scheduled',
    async run(recorder) {
      const transfer = await waiting(recorder, { ...approval, ...soon() });
      await recorder.post(`/v1/transfers/${transfer['id']}/approve`, {});
      return workflowOf(transfer);
    },
  },
  {
    name: 'transfer-workflow-cancelled',
    async run(recorder) {
      const transfer = await waiting(recorder, approval);
      await recorder.client.workflow.getHandle(workflowOf(transfer).workflowId).cancel();
      return workflowOf(transfer);
    },
  },
  {
    name: 'transfer-decided-after-termination',
    async run(recorder) {
      const transfer = await waiting(recorder, { ...approval, ...soon() });
      const { workflowId } = workflowOf(transfer);
      await recorder.client.workflow.getHandle(workflowId).terminate();
      await recorder.post(`/v1/transfers/${transfer['id']}/approve`, {});
      await recorder.client.workflow.getHandle(workflowId).result();
      return recorder.newest(workflowId);
    },
  },
  {
    name: 'transfer-repeated-after-termination',
    async run(recorder) {
      const source = await funded(recorder);
      const ask = () => {
        const body = { source, destination: 'world_EUR', ...MONEY, approval: { timeout_seconds: 5 } };
        return recorder.post('/v1/transfers', body, { 'idempotency-key': recorder.id('key') });
      };
      const { workflowId } = workflowOf(await ask());
      await recorder.client.workflow.getHandle(workflowId).terminate();
      await ask();
      await recorder.client.workflow.getHandle(workflowId).result();
      return recorder.newest(workflowId);
    },
  },
  {
    name: 'transfer-decision-error',
    async run(recorder) {
      const { workflowId } = workflowOf(await waiting(recorder, {}));
      await sleep(200);
      const id = workflowId.slice('transfer/'.length);
      await recorder.post(`/v1/transfers/${id}/cancel`, {}, { 'idempotency-key': recorder.id('late') });
      return recorder.newest(workflowId);
    },
  },
  {
    name: 'transfer-transaction',
    async run(recorder) {
      const account = await funded(recorder);
      const line = { ...MONEY, amount: '1' };
      const entries = [
        { account, direction: 'debit', ...line },
        { account: 'world_EUR', direction: 'credit', ...line },
      ];
      return workflowOf(await recorder.post('/v1/transactions', { entries }));
    },
  },
  {
    name: 'transfer-reversal',
    async run(recorder) {
      const transfer = await waiting(recorder, {});
      return workflowOf(await recorder.post(`/v1/transfers/${transfer['id']}/reversal`, { amount: '1' }));
    },
  },
  held('hold-placed', {}),
  held('hold-captured', expires, ['capture', { amount: '60' }]),
  held('hold-voided', expires, ['void', { reason: 'not needed' }]),
  held('hold-expired', { expires_in_seconds: 1 }),
  held('hold-captured-without-a-timer', {}, ['capture', {}]),
  held('hold-capture-rejected', expires, ['capture', { amount: '101' }], ['capture', { amount: '100' }]),
  {
    name: 'hold-extended-and-expired',
    async run(recorder) {
      const account = await funded(recorder);
      const hold = await recorder.post('/v1/holds', { account, ...MONEY, expires_in_seconds: 2 });
      await recorder.post(`/v1/holds/${hold['id']}/extend`, { expires_in_seconds: 4 });
      return workflowOf(hold);
    },
  },
  {
    name: 'hold-rejected',
    async run(recorder) {
      const account = await funded(recorder);
      const key = recorder.id('key');
      await recorder.post('/v1/holds', { account, ...MONEY, amount: '501' }, { 'idempotency-key': key });
      return recorder.newest(`hold/${idempotencyKey(key).holdId}`);
    },
  },
  {
    name: 'hold-workflow-cancelled',
    async run(recorder) {
      const account = await funded(recorder);
      const hold = await recorder.post('/v1/holds', { account, ...MONEY, ...expires });
      await recorder.client.workflow.getHandle(workflowOf(hold).workflowId).cancel();
      return workflowOf(hold);
    },
  },
  {
    name: 'account-update',
    async run(recorder) {
      const account = recorder.id('a');
      const { version } = await recorder.post('/v1/accounts', {
        id: account,
        owner: account,
        currency: 'EUR',
      });
      await recorder.patch(
        `/v1/accounts/${account}`,
        { overdraft_limit: '9' },
        { 'if-match': `"${version}"` },
      );
      return recorder.newest(`account/${account}`);
    },
  },
  {
    name: 'commands-batch',
    async run(recorder) {
      const account = await funded(recorder);
      const deposits = Array.from({ length: 12 }, () => recorder.post('/v1/deposits', { account, ...MONEY }));
      const shared = (await Promise.all(deposits)).find(({ workflow_id: id }) => id?.startsWith('commands/'));
      if (!shared) throw new Error('Commands at the same time share a workflow');
      return workflowOf(shared);
    },
  },
];
