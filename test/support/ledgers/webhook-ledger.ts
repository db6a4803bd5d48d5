/** A ledger of its own with an account, webhooks on it, and dispatchers that a test starts. */
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import type { CreatedWebhook, DeliveryResource, WebhookBody } from '../../../contracts/webhooks.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import type { DispatcherObserver } from '../../../webhooks/dispatcher-observer.ts';
import { startDispatcher, type Dispatcher, type DispatcherOptions } from '../../../webhooks/dispatcher.ts';
import { createWebhooks } from '../../../webhooks/service.ts';
import type { Webhooks } from '../../../webhooks/webhooks.ts';
import { createAccount, moveMoney, openTestLedger, type TestLedger } from './test-ledger.ts';
import { startReceiver, type Receiver } from './webhook-receiver.ts';

export const COMPLETED = 'ledger.TransferCompleted.v1';

/** Short enough for a test, and as many as the real ones are not. */
export const PAUSES = [300, 300, 300];

export type WebhookLedger = TestLedger & {
  readonly webhooks: Webhooks;
  readonly tell: string[];
  /** Makes a webhook to a receiver, which then trusts its secret. */
  readonly hook: (receiver: Receiver, body?: Partial<WebhookBody>) => Promise<CreatedWebhook>;
  /** A dispatcher with a connection of its own. */
  readonly dispatch: (
    options?: Partial<DispatcherOptions['webhooks']>,
    observer?: DispatcherObserver,
  ) => Promise<Dispatcher>;
  readonly receiver: () => Promise<Receiver>;
  /** Deposits, one after the other; gives the ids of the transfers. */
  readonly deposit: (count?: number) => Promise<string[]>;
  readonly deliveries: (webhook: string) => Promise<readonly DeliveryResource[]>;
};

export async function openWebhookLedger(): Promise<WebhookLedger> {
  const ledger = await openTestLedger();
  const tell: string[] = [];
  const opened: { close: () => Promise<unknown> }[] = [];
  const allowPrivate = true;
  const options = { ledger: ledger.ledger, streamReplicas: 1 };
  const webhooks = createWebhooks(ledger.nc, { ...options, webhooks: { allowPrivate } });
  await ledger.submit(createAccount('alice'));
  return {
    ...ledger,
    webhooks,
    tell,
    async hook(receiver, body = {}) {
      const made = await webhooks.create({
        id: `wh_${randomUUID().replaceAll('-', '')}`,
        body: { url: receiver.url, types: [COMPLETED], ...body },
        fingerprint: randomUUID(),
        created_at: new Date().toISOString(),
      });
      if (typeof made === 'string') throw new Error(made);
      receiver.trust(made.webhook.secret);
      return made.webhook;
    },
    async dispatch(given = {}, observer) {
      const nc = await connectToNats(inject('servers').natsUrl, 'test-webhooks');
      const running = await startDispatcher({
        ...options,
        nc,
        webhooks: { allowPrivate, pauses: PAUSES, ...given },
        tell: (line) => tell.push(line),
        ...(observer ? { observer } : {}),
      });
      const dispatcher: Dispatcher = {
        async close() {
          if (nc.isClosed()) return;
          await running.close();
          await nc.close();
        },
      };
      opened.push(dispatcher);
      return dispatcher;
    },
    async receiver() {
      const receiver = await startReceiver();
      opened.push(receiver);
      return receiver;
    },
    async deposit(count = 1) {
      const ids = Array.from({ length: count }, () => `tr_${randomUUID().slice(0, 8)}`);
      for (const id of ids) {
        const terms = { source: 'world_EUR', destination: 'alice', amount: '5' };
        const outcome = await ledger.submit(moveMoney(id, terms, { kind: 'deposit' }));
        if (outcome.type !== 'transfer') throw new Error(JSON.stringify(outcome));
      }
      return ids;
    },
    deliveries: (webhook) => webhooks.deliveries(webhook, { limit: 500 }),
    async close() {
      await Promise.all(opened.map((each) => each.close()));
      await ledger.close();
    },
  };
}
