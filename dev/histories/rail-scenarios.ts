/** The branches of the workflow of a transfer that goes out through a payment rail: the simulated one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sign } from '../../rails/signature.ts';
import type { Recorder, Scenario } from './scenarios.ts';

/** How long the rail is asked here before an operator is, for `RAIL_PATIENCE_SECONDS`. */
export const PATIENCE_SECONDS = 4;
/** After this, what the rail does soon it has done. */
const SOON_MS = 2_000;

type Withdrawal = {
  readonly id: string;
  readonly workflowId: string;
  readonly again: () => Promise<unknown>;
};

/** A withdrawal of 100 from an account with 500, with which the rail does what is said. */
async function withdrawal(recorder: Recorder, behaviour: string): Promise<Withdrawal> {
  const account = recorder.id('a');
  const currency = 'EUR';
  await recorder.post('/v1/accounts', { id: account, owner: account, currency });
  await recorder.post('/v1/deposits', { account, amount: '500', currency });
  const body = { account, amount: '100', currency, rail: 'simulator', metadata: { rail: behaviour } };
  const ask = () => recorder.post('/v1/withdrawals', body, { 'idempotency-key': recorder.id('key') });
  const { id = '', workflow_id: workflowId = '' } = await ask();
  return { id, workflowId, again: ask };
}

/** It ends by itself. */
const ends = (name: string, behaviour: string): Scenario => ({
  name,
  run: async (recorder) => ({ workflowId: (await withdrawal(recorder, behaviour)).workflowId }),
});

/** It is parked, and an operator resolves it after a while. */
const resolved = (name: string, behaviour: string, how: { outcome: string; after: number }): Scenario => ({
  name,
  async run(recorder) {
    const { id, workflowId } = await withdrawal(recorder, behaviour);
    await sleep(how.after);
    await recorder.post(`/v1/transfers/${id}/resolve`, { outcome: how.outcome, reason: 'on the statement' });
    return { workflowId };
  },
});

/** Its workflow is ended by force, and the newest run is what followed. */
const without = (
  name: string,
  behaviour: string,
  then: (recorder: Recorder, withdrawal: Withdrawal) => Promise<unknown>,
): Scenario => ({
  name,
  async run(recorder) {
    const begun = await withdrawal(recorder, behaviour);
    const handle = recorder.client.workflow.getHandle(begun.workflowId);
    await handle.terminate();
    await then(recorder, begun);
    await handle.result();
    return recorder.newest(begun.workflowId);
  },
});

/** @param secret what the rail signs with */
export function railScenarios(secret: string): readonly Scenario[] {
  const callBack = (recorder: Recorder, { id }: Withdrawal) => {
    const report = { id, state: 'settled' };
    const message = { id: recorder.id('message'), body: JSON.stringify(report) };
    return recorder.post('/v1/rails/simulator/callbacks', report, sign(secret, message, new Date()));
  };
  return [
    ends('transfer-rail-settled', 'settle'),
    ends('transfer-rail-declined', 'decline'),
    ends('transfer-rail-declined-at-once', 'refuse'),
    ends('transfer-rail-polled', 'silent'),
    resolved('transfer-rail-unknown', 'unknown', { outcome: 'completed', after: SOON_MS }),
    resolved('transfer-rail-given-up', 'broken', {
      outcome: 'failed',
      after: PATIENCE_SECONDS * 1_000 + SOON_MS,
    }),
    {
      name: 'transfer-rail-workflow-cancelled',
      async run(recorder) {
        const { workflowId } = await withdrawal(recorder, 'late:600000');
        await recorder.client.workflow.getHandle(workflowId).cancel();
        return { workflowId };
      },
    },
    without('transfer-rail-retried', 'late:1500', (_, { again }) => again()),
    without('transfer-rail-called-back', 'late:600000', callBack),
    without('transfer-rail-taken-over', 'late:600000', (recorder, { id }) =>
      recorder.post(`/v1/transfers/${id}/resolve`, { outcome: 'completed' }),
    ),
  ];
}
