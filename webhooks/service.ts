/** What the HTTP interface does to webhooks. */
import { randomBytes } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  ROTATION_HOURS,
  type CreatedWebhook,
  type DeliveryResource,
  type WebhookChange,
} from '../contracts/webhooks.ts';
import { createEventReader } from '../eventlog/read/reader.ts';
import { urlProblem } from './addresses.ts';
import type { Delivery } from './nats/delivery-log.ts';
import { openWebhookStores } from './nats/stores.ts';
import { asCreated, toResource, type Rotation, type StoredWebhook } from './nats/webhook.ts';
import type { NewSecret, Webhooks } from './webhooks.ts';

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
      const { bucket } = await stores();
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
        created_with: { url, types, secret },
        from: before === undefined ? await reader.lastPosition() : 0,
      };
      const added = before === undefined && (await bucket.add(fresh));
      const webhook = added ? fresh : (before ?? (await bucket.get(id)));
      if (!webhook || webhook.fingerprint !== fingerprint) return 'reused';
      if (webhook.status === 'deleted') return 'deleted';
      await serve(id);
      return { webhook: asCreated(webhook), replayed: !added };
    },
    async rotateSecret(id, { secret = newSecret(), key, fingerprint, at }) {
      const { bucket } = await stores();
      let before: Rotation | undefined;
      const webhook = await bucket.change(id, (kept) => {
        before = kept.rotations?.find((each) => each.key === key);
        return before || !exists(kept) ? undefined : rotated(kept, { secret, key, fingerprint, at });
      });
      if (!webhook || !exists(webhook)) return undefined;
      if (before && before.fingerprint !== fingerprint) return 'reused';
      return { webhook: before?.created ?? createdFrom(webhook), replayed: before !== undefined };
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
      const { bucket } = await stores();
      const webhook = await bucket.change(id, (before) =>
        exists(before) ? changed(before, change, at) : undefined,
      );
      if (!webhook || !exists(webhook)) return undefined;
      await serve(id);
      return toResource(webhook);
    },
    async remove(id) {
      const { bucket, deliveries } = await stores();
      let removed = false;
      await bucket.change(id, (before) => {
        removed = exists(before);
        const { secrets_before: _, rotations: __, created_with: made, ...rest } = before;
        const { url, types } = made;
        return removed ? { ...rest, created_with: { url, types }, status: 'deleted', secret: '' } : undefined;
      });
      if (!removed) return false;
      await serve(id);
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

  /**
   * Brings its consumers to what it is. It may be changed meanwhile by several at once: whoever comes last to its
   * consumers then brings them to what it is by then.
   */
  async function serve(id: string): Promise<void> {
    const { bucket, consumers } = await stores();
    let served: StoredWebhook | undefined;
    for (let kept = await bucket.get(id); kept && !isServedAlike(kept, served); kept = await bucket.get(id)) {
      await (exists(kept) ? consumers.ensure(kept) : consumers.remove(id));
      served = kept;
    }
  }

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

function isServedAlike(one: StoredWebhook, other: StoredWebhook | undefined): boolean {
  return other !== undefined && exists(one) === exists(other) && one.types.join() === other.types.join();
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
/** So many rotations may be asked for again. What is kept of a webhook is one message, and each is up to 3 kB of it. */
const ROTATIONS_MAX = 100;

function rotated(
  before: StoredWebhook,
  { secret, key, fingerprint, at }: NewSecret & { secret: string },
): StoredWebhook {
  const until = new Date(Date.parse(at) + ROTATION_HOURS * 3_600_000).toISOString();
  const older = (before.secrets_before ?? []).filter((each) => each.until > at);
  const secrets_before = [{ secret: before.secret, until }, ...older].slice(0, SECRETS_BEFORE_MAX);
  const after = { ...before, secret, secrets_before };
  if (key === undefined) return after;
  const own = { key, fingerprint, created: createdFrom(after) };
  return { ...after, rotations: [own, ...(before.rotations ?? [])].slice(0, ROTATIONS_MAX) };
}

/** What only the request is answered that has made the secret. */
function createdFrom(webhook: StoredWebhook): CreatedWebhook {
  return { ...toResource(webhook), secret: webhook.secret };
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
