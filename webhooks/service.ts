/** What the HTTP interface does to webhooks. */
import { randomBytes } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import { ROTATION_HOURS, type DeliveryResource, type WebhookChange } from '../contracts/webhooks.ts';
import { createEventReader } from '../eventlog/read/reader.ts';
import { urlProblem } from './addresses.ts';
import type { Delivery } from './nats/delivery-log.ts';
import { openWebhookStores } from './nats/stores.ts';
import { asCreated, toResource, type StoredWebhook } from './nats/webhook.ts';
import type { Webhooks } from './webhooks.ts';

type ServiceOptions = {
  readonly ledger: string;
  readonly streamReplicas: number;
  readonly webhooks: { readonly allowPrivate: boolean };
};

const SECRET_BYTES = 32;

/** The webhooks of a ledger. What they are kept in is opened when it is first needed. */
export function createWebhooks(nc: NatsConnection, options: ServiceOptions): Webhooks {
  const { ledger, webhooks } = options;
  const reader = createEventReader(nc, ledger);
  const stores = onceOpened(() => openWebhookStores(nc, options));

  return {
    urlProblem: (url) => urlProblem(url, webhooks),
    async create({ id, body, fingerprint, created_at }) {
      const { bucket, consumers } = await stores();
      const { url, types, secret = newSecret() } = body;
      const before = await bucket.get(id);
      const fresh: StoredWebhook = {
        id,
        url,
        types,
        status: 'active',
        secret,
        created_at,
        fingerprint,
        created_with: { url, types },
        from: before === undefined ? await reader.lastPosition() : 0,
      };
      const added = before === undefined && (await bucket.add(fresh));
      const webhook = added ? fresh : (before ?? (await bucket.get(id)));
      if (!webhook || webhook.fingerprint !== fingerprint) return 'reused';
      if (webhook.status === 'deleted') return 'deleted';
      await consumers.ensure(webhook);
      return { webhook: asCreated(webhook), replayed: !added };
    },
    async rotateSecret(id, { secret = newSecret(), key, fingerprint, at }) {
      const { bucket } = await stores();
      let replayed = false;
      const webhook = await bucket.change(id, (before) => {
        replayed = key !== undefined && before.rotated_by?.key === key;
        if (replayed || !exists(before)) return undefined;
        return rotated(before, { secret, by: key === undefined ? undefined : { key, fingerprint }, at });
      });
      if (!webhook || !exists(webhook)) return undefined;
      if (replayed && webhook.rotated_by?.fingerprint !== fingerprint) return 'reused';
      return { webhook: { ...toResource(webhook), secret: webhook.secret }, replayed };
    },
    async list() {
      const { bucket } = await stores();
      return (await bucket.all()).filter(exists).map(toResource);
    },
    async find(id) {
      const webhook = await (await stores()).bucket.get(id);
      return webhook && exists(webhook) ? toResource(webhook) : undefined;
    },
    async change(id, { at, ...change }) {
      const { bucket, consumers } = await stores();
      const webhook = await bucket.change(id, (before) =>
        exists(before) ? changed(before, change, at) : undefined,
      );
      if (!webhook || !exists(webhook)) return undefined;
      await consumers.ensure(webhook);
      return toResource(webhook);
    },
    async remove(id) {
      const { bucket, consumers, deliveries } = await stores();
      let removed = false;
      await bucket.change(id, (before) => {
        removed = exists(before);
        const { secrets_before: _, ...rest } = before;
        return removed ? { ...rest, status: 'deleted', secret: '' } : undefined;
      });
      if (!removed) return false;
      await consumers.remove(id);
      await deliveries.forget(id);
      return true;
    },
    async deliveries(id, { limit, before }) {
      const { deliveries } = await stores();
      return (await deliveries.page(id, limit, before)).map(deliveryResource);
    },
    async redeliver(id, event) {
      const { deliveries } = await stores();
      const known = await deliveries.find(id, event);
      const found = known ?? (await eventAt(event));
      if (!found) return undefined;
      await deliveries.requestRedelivery(id, found.position);
      return { event: found.event, position: found.position };
    },
  };

  /** Any event of the log may be asked for by its position, also one from before the webhook. */
  async function eventAt(text: string): Promise<Pick<Delivery, 'event' | 'position'> | undefined> {
    const position = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(position)) return undefined;
    const [event] = await reader.read(position - 1, 1);
    return event?.position === position ? { event: event.id, position } : undefined;
  }
}

/** What could not be opened is tried again with the next request. */
function onceOpened<Stores>(open: () => Promise<Stores>): () => Promise<Stores> {
  let opened: Promise<Stores> | undefined;
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}

function exists({ status }: StoredWebhook): boolean {
  return status !== 'deleted';
}

function changed(
  before: StoredWebhook,
  { url = before.url, types = before.types, status = statusOf(before) }: WebhookChange,
  at: string,
): StoredWebhook {
  const { disabled_at, disabled_reason, ...rest } = before;
  const after = { ...rest, url, types, status };
  if (status === 'active') return before.status === 'active' ? after : { ...after, enabled_at: at };
  return {
    ...after,
    disabled_at: disabled_at ?? at,
    disabled_reason: disabled_reason ?? 'Disabled by request.',
  };
}

/** Somebody who asks twice, without a key, has not locked out who knows the secret before both. */
const SECRETS_BEFORE_MAX = 4;

function rotated(
  before: StoredWebhook,
  { secret, by, at }: { secret: string; by: StoredWebhook['rotated_by']; at: string },
): StoredWebhook {
  const until = new Date(Date.parse(at) + ROTATION_HOURS * 3_600_000).toISOString();
  const older = (before.secrets_before ?? []).filter((each) => each.until > at);
  const secrets_before = [{ secret: before.secret, until }, ...older].slice(0, SECRETS_BEFORE_MAX);
  return { ...before, secret, secrets_before, rotated_by: by };
}

function statusOf({ status }: StoredWebhook): 'active' | 'disabled' {
  return status === 'active' ? 'active' : 'disabled';
}

/** What of a delivery is the dispatcher's own stays with it. */
function deliveryResource({
  run: _run,
  tries: _tries,
  run_at: _runAt,
  ...delivery
}: Delivery): DeliveryResource {
  return delivery;
}

function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}
