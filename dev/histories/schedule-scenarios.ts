import { scheduleWorkflowId } from '../../messages/firings.ts';
import type { Recorder, Scenario } from './scenarios.ts';

/** A schedule of whose firings the first is taken. The account has 500. */
const fired = (name: string, terms: { amount: string; destination: string }): Scenario => ({
  name,
  async run(recorder) {
    const source = recorder.id('a');
    const money = { amount: '500', currency: 'EUR' };
    await recorder.post('/v1/accounts', { id: source, owner: source, currency: 'EUR' });
    await recorder.post('/v1/deposits', { account: source, ...money });
    const transfer = { source, ...money, ...terms, reference: 'rent' };
    const { id = '' } = await recorder.post('/v1/schedules', { transfer, every_seconds: 1 });
    const run = await firstOf(recorder, id);
    await recorder.post(`/v1/schedules/${id}/pause`, {});
    return run;
  },
});

/** The first firing of a schedule. */
async function firstOf({ client }: Recorder, id: string): Promise<{ workflowId: string }> {
  const handle = client.schedule.getHandle(scheduleWorkflowId(id));
  for (;;) {
    const [first] = (await handle.describe()).info.recentActions;
    if (first) return first.action.workflow;
  }
}

export const SCHEDULE_SCENARIOS: readonly Scenario[] = [
  fired('firing-posted', { amount: '100', destination: 'world_EUR' }),
  fired('firing-rejected', { amount: '501', destination: 'world_EUR' }),
  fired('firing-error', { amount: '100', destination: 'ghost' }),
];
