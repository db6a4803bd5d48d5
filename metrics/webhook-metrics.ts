/** What is sent to webhooks, and what waits for them. */
import { Counter, Gauge } from 'prom-client';
import { ATTEMPT_OUTCOMES } from '../contracts/webhooks.ts';
import type { DispatcherObserver } from '../webhooks/dispatcher-observer.ts';
import type { Metrics } from './registry.ts';

/** Measures what it is told of a dispatcher. */
export function webhookMetrics({ registry, beforeShowing }: Metrics): DispatcherObserver {
  const registers = [registry];
  const attempts = new Counter({
    name: 'tallybook_webhook_attempts_total',
    help: 'Attempts to deliver an event to a webhook, by their outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const pending = new Gauge({
    name: 'tallybook_webhook_pending',
    help: 'Events that active webhooks have not got yet, those that wait for a retry included; of all dispatchers.',
    registers,
  });
  // A series that is there from the start shows its first increase as one.
  for (const outcome of ATTEMPT_OUTCOMES) attempts.inc({ outcome }, 0);
  return {
    began(count) {
      beforeShowing(async () => {
        const counted = await count().catch(() => undefined);
        // What is not known is not shown: zero would be a lie.
        if (counted === undefined) pending.remove();
        else pending.set(counted);
      });
    },
    attempted: (outcome) => attempts.inc({ outcome }),
  };
}
