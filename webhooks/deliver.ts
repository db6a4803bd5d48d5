/**
 * One delivery, one step: looks up what is known of it, makes an attempt if one is due, and notes what came of it.
 * When the next attempt is due stands there too: whoever takes the event up next, after a crash as well, goes on from it.
 */
import type { RecordedEvent } from '../contracts/events.ts';
import type { AttemptOutcome } from '../contracts/webhooks.ts';
import { defined } from '../domain/optional-fields.ts';
import { eventFrom } from '../messages/mapping/resources.ts';
import type { Delivery, DeliveryLog, StoredDelivery } from './nats/delivery-log.ts';
import { secretsAt, type StoredWebhook } from './nats/webhook.ts';
import { pauseAfter } from './retries.ts';
import type { Attempt, Sent } from './send.ts';

/** An event that a webhook is to get. */
export type Job = {
  readonly webhook: StoredWebhook;
  readonly event: RecordedEvent;
  /** 0 for the event as it came; otherwise which wish it was to have it again. */
  readonly run: number;
};

/** Whether the event is settled, or when it is to be looked at again. */
export type Verdict = { readonly type: 'settled' } | { readonly type: 'later'; readonly ms: number };

export type DeliverDependencies = {
  readonly deliveries: Pick<DeliveryLog, 'get' | 'put' | 'deliveredSince' | 'publishDisabled'>;
  readonly send: (attempt: Attempt) => Promise<Sent>;
  /** Disables a webhook. False if it was not active any more. */
  readonly disable: (id: string, why: { reason: string; at: string }) => Promise<boolean>;
  readonly pauses: readonly number[];
  readonly clock: () => Date;
  /** Told of every attempt that had an outcome. */
  readonly attempted: (outcome: AttemptOutcome) => void;
};

const SETTLED: Verdict = { type: 'settled' };
const GONE = 410;

/**
 * Does what is due for an event.
 * @throws what kept it from being noted; then it is to be tried again.
 */
export async function deliver(deps: DeliverDependencies, job: Job, signal: AbortSignal): Promise<Verdict> {
  const { webhook, event } = job;
  const stored = await deps.deliveries.get(webhook.id, event.position);
  const begun = stored?.delivery.run === job.run ? stored.delivery : undefined;
  // A later wish to have it takes the place of an earlier one.
  if (stored !== undefined && stored.delivery.run > job.run) return SETTLED;
  if (begun !== undefined && begun.next_attempt_at === undefined) return SETTLED;
  const at = deps.clock();
  const early = Date.parse(begun?.next_attempt_at ?? at.toISOString()) - at.getTime();
  if (early > 0) return { type: 'later', ms: early };
  const body = JSON.stringify(eventFrom(event));
  const { url } = webhook;
  const secrets = secretsAt(webhook, at);
  const sent = await deps.send({ url, secrets, id: event.id, body, at, signal });
  return await note(deps, job, { stored, begun, at, sent });
}

type Attempted = {
  readonly stored: StoredDelivery | undefined;
  readonly begun: Delivery | undefined;
  readonly at: Date;
  readonly sent: Sent;
};

async function note(deps: DeliverDependencies, job: Job, attempted: Attempted): Promise<Verdict> {
  const { webhook, event, run } = job;
  const { stored, begun, at, sent } = attempted;
  const now = deps.clock();
  const tries = (begun?.tries ?? 0) + 1;
  const ok = isDelivered(sent);
  const gone = sent.status === GONE;
  const { retryAfterMs } = sent;
  const pause = ok || gone ? undefined : pauseAfter(tries, { pauses: deps.pauses, retryAfterMs });
  const delivery: Delivery = {
    event: event.id,
    position: event.position,
    type: event.type,
    status: ok ? 'delivered' : pause === undefined ? 'failed' : 'retrying',
    attempts: (stored?.delivery.attempts ?? 0) + 1,
    last_attempt_at: at.toISOString(),
    ...defined({ last_status: sent.status, last_error: errorOf(sent) }),
    ...(pause === undefined ? {} : { next_attempt_at: new Date(now.getTime() + pause).toISOString() }),
    ...(ok ? { delivered_at: now.toISOString() } : {}),
    run,
    tries,
    run_at: begun?.run_at ?? at.toISOString(),
  };
  const reason = await whyDisabled(deps, webhook, delivery);
  // Before the delivery is noted: what is noted as failed is not looked at again.
  if (reason !== undefined) await disable(deps, webhook.id, { reason, at: now.toISOString() });
  await deps.deliveries.put(webhook.id, delivery, stored?.sequence ?? 0);
  deps.attempted(ok ? 'delivered' : gone ? 'gone' : pause === undefined ? 'gave_up' : 'failed');
  return pause === undefined ? SETTLED : { type: 'later', ms: pause };
}

function isDelivered({ status = 0 }: Sent): boolean {
  return status >= 200 && status < 300;
}

function errorOf(sent: Sent): string | undefined {
  if (sent.error !== undefined) return sent.error;
  if (isDelivered(sent)) return undefined;
  const redirected = sent.status >= 300 && sent.status < 400;
  return redirected ? `HTTP ${sent.status}: redirects are not followed.` : `HTTP ${sent.status}.`;
}

/** One event that cannot be delivered is no reason; one that failed to the end while nothing else went through is. */
async function whyDisabled(
  { deliveries }: DeliverDependencies,
  { id, enabled_at = '' }: StoredWebhook,
  delivery: Delivery,
): Promise<string | undefined> {
  if (delivery.last_status === GONE) return 'The receiver answered 410 Gone.';
  const { run, run_at, tries, event } = delivery;
  if (delivery.status !== 'failed' || run !== 0 || run_at < enabled_at) return undefined;
  if (await deliveries.deliveredSince(id, run_at)) return undefined;
  return (
    `No delivery has succeeded since ${run_at}, and event ${event} was attempted ${tries} times. ` +
    `Last error: ${delivery.last_error ?? ''}`
  );
}

async function disable(
  { disable: turnOff, deliveries }: DeliverDependencies,
  webhook: string,
  why: { reason: string; at: string },
): Promise<void> {
  if (await turnOff(webhook, why)) await deliveries.publishDisabled(webhook, why);
}
