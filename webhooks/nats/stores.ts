/** All that is kept of a ledger's webhooks. */
import type { NatsConnection } from '@nats-io/transport-node';
import { openWebhookConsumers } from './consumers.ts';
import { openDeliveryLog } from './delivery-log.ts';
import { openWebhookBucket } from './webhook-bucket.ts';

/** Opens it, and makes what is not there. */
export async function openWebhookStores(
  nc: NatsConnection,
  { ledger, streamReplicas: replicas }: { readonly ledger: string; readonly streamReplicas: number },
) {
  const bucket = await openWebhookBucket(nc, { ledger, replicas });
  const deliveries = await openDeliveryLog(nc, { ledger, replicas });
  return { bucket, deliveries, consumers: await openWebhookConsumers(nc, ledger, deliveries) };
}
