/**
 * Delivers the events of a ledger to its webhooks. Several dispatchers may run: they share the consumers, and the server
 * gives each event to one of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { openPatiently } from '../eventlog/nats/retry.ts';
import { createEventReader } from '../eventlog/read/reader.ts';
import type { DispatcherObserver } from './dispatcher-observer.ts';
import type { WebhookConsumers } from './nats/consumers.ts';
import type { DeliveryLog } from './nats/delivery-log.ts';
import { openWebhookStores } from './nats/stores.ts';
import type { WebhookBucket } from './nats/webhook-bucket.ts';
import type { StoredWebhook } from './nats/webhook.ts';
import { RETRY_PAUSES_MS } from './retries.ts';
import { startRunner, type Runner, type RunnerOptions } from './runner.ts';
import { send, type SendOptions } from './send.ts';

export type DispatcherOptions = {
  readonly nc: NatsConnection;
  readonly ledger: string;
  readonly streamReplicas: number;
  readonly webhooks: {
    readonly allowPrivate: boolean;
    readonly timeoutMs?: number;
    /** Between the attempts of a delivery. */
    readonly pauses?: readonly number[];
    readonly resolve?: SendOptions['resolve'];
    /** How often it is noted up to where everything is settled, should a consumer be deleted by mistake. */
    readonly noteMs?: number;
  };
  readonly observer?: DispatcherObserver;
  readonly tell?: (line: string) => void;
};

export type Dispatcher = { readonly close: () => Promise<void> };

/** How soon a webhook that was made or changed is noticed. */
const REFRESH_MS = 500;
const NOTE_MS = 60_000;
/** What is noted ages; it is noted again before it is gone. */
const NOTE_AGAIN_MS = 24 * 60 * 60 * 1_000;
const TIMEOUT_MS = 15_000;

/** Starts to deliver. */
export async function startDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
  const { nc, ledger, webhooks, observer } = options;
  const { timeoutMs = TIMEOUT_MS, pauses = RETRY_PAUSES_MS, allowPrivate, resolve } = webhooks;
  const tell = options.tell ?? ((line: string) => console.error(`webhooks: ${line}`));
  const { bucket, deliveries, consumers } = await openPatiently(nc, { what: 'webhooks', tell }, () =>
    openWebhookStores(nc, options),
  );
  const stop = new AbortController();
  const runners = createRunners(consumers, {
    nc,
    reader: createEventReader(nc, ledger),
    consumers,
    deliveries,
    tell,
    send: (attempt) => send(attempt, { allowPrivate, timeoutMs, resolve }),
    disable: async (id, why) => {
      const done = await disable(bucket, id, why);
      if (done) tell(`Webhook ${id} is disabled. ${why.reason}`);
      return done;
    },
    pauses,
    clock: () => new Date(),
    attempted: (outcome) => observer?.attempted(outcome),
  });
  observer?.began(async () => {
    const running = [...runners.all.keys()].map((id) => consumers.progress(id));
    return (await Promise.all(running)).reduce((sum, { pending }) => sum + pending, 0);
  });

  async function repeat(step: () => Promise<void>, pauseMs: number): Promise<void> {
    while (!stop.signal.aborted && !nc.isClosed()) {
      await step().catch((error: unknown) => {
        if (!stop.signal.aborted && !nc.isClosed()) tell(String(error));
      });
      await sleep(pauseMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  }
  const loops = [
    repeat(
      following(bucket, (webhook) => runners.reconcile(webhook)),
      REFRESH_MS,
    ),
    repeat(noting(runners.all, consumers, deliveries), webhooks.noteMs ?? NOTE_MS),
  ];
  return {
    async close() {
      stop.abort();
      await Promise.all(loops);
      await runners.close();
    },
  };
}

/** One look whether a webhook was made, changed or deleted. */
function following(
  bucket: WebhookBucket,
  reconcile: (webhook: StoredWebhook) => Promise<void>,
): () => Promise<void> {
  let seen = -1;
  return async () => {
    const revision = await bucket.revision();
    if (revision === seen) return;
    // What cannot be brought about for one webhook must not keep the others.
    const done = await Promise.allSettled((await bucket.all()).map(reconcile));
    const failed = done.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
    seen = revision;
  };
}

function createRunners(consumers: WebhookConsumers, options: RunnerOptions) {
  const all = new Map<string, Runner>();
  const cleaned = new Set<string>();
  const ending = new Set<Promise<void>>();

  /** Nobody waits for it: other webhooks go on while this one's last attempts end. */
  function end(id: string): void {
    const closed = all.get(id)?.close();
    all.delete(id);
    if (!closed) return;
    ending.add(closed);
    void closed.finally(() => ending.delete(closed));
  }

  return {
    all,
    async close() {
      for (const id of all.keys()) end(id);
      await Promise.all(ending);
    },
    async reconcile(webhook: StoredWebhook): Promise<void> {
      const { id, status } = webhook;
      const running = all.get(id);
      if (status === 'active') {
        running?.update(webhook);
        if (running) return await consumers.ensure(webhook);
        all.set(id, startRunner(webhook, options));
        return;
      }
      end(id);
      // Whoever deleted it may have died before it came to this.
      if (status === 'deleted' && !cleaned.has(id)) await consumers.remove(id);
      if (status === 'deleted') cleaned.add(id);
    },
  };
}

/** Notes up to where the events of each webhook are settled. */
function noting(
  runners: ReadonlyMap<string, Runner>,
  consumers: WebhookConsumers,
  deliveries: DeliveryLog,
): () => Promise<void> {
  const noted = new Map<string, { position: number; at: number }>();
  return async () => {
    for (const id of runners.keys()) {
      const { settled } = await consumers.progress(id);
      const before = noted.get(id) ?? { position: 0, at: 0 };
      const isOld = performance.now() - before.at > NOTE_AGAIN_MS;
      if (settled === 0 || (settled <= before.position && !isOld)) continue;
      await deliveries.setFloor(id, settled);
      noted.set(id, { position: settled, at: performance.now() });
    }
  };
}

async function disable(
  bucket: WebhookBucket,
  id: string,
  { reason, at }: { reason: string; at: string },
): Promise<boolean> {
  let done = false;
  await bucket.change(id, (webhook) => {
    done = webhook.status === 'active';
    return done ? { ...webhook, status: 'disabled', disabled_at: at, disabled_reason: reason } : undefined;
  });
  return done;
}
