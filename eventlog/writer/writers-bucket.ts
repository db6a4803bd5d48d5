/** The key-value bucket that holds a ledger's lease: what it must be, and a check that it is. */
import { jetstream } from '@nats-io/jetstream';
import { Kvm, type KV, type KvOptions } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { writerLease } from '../../contracts/subjects.ts';

/** With the server's own precision of a quarter of a second, a silent holder is replaced within 1.4 s. */
export const TTL_MS = 1_000;
/** How long the bucket may take to answer. */
export const RESPONSE_MS = 500;

/**
 * Creates the bucket, or checks that the one which is there is what the lease needs. The server repeats what it stores
 * there on a plain subject: a subscription hears every renewal and every release at once, and needs no consumer that a
 * reconnect could lose.
 * @throws Error that says what is wrong with the bucket.
 */
export async function openBucket(
  nc: NatsConnection,
  { ledger, replicas }: { ledger: string; replicas: number },
): Promise<KV> {
  const { bucket, stored, repeated } = writerLease(ledger);
  const wanted: Partial<KvOptions> = {
    description: `The active writer of the ledger "${ledger}".`,
    storage: 'memory',
    history: 1,
    ttl: TTL_MS,
    replicas,
    republish: { src: stored, dest: repeated },
  };
  const kv = await new Kvm(jetstream(nc, { timeout: RESPONSE_MS })).create(bucket, wanted);
  const { config } = (await kv.status()).streamInfo;
  const found = {
    storage: config.storage,
    max_msgs_per_subject: config.max_msgs_per_subject,
    max_age_ms: config.max_age / 1_000_000,
    republish: `${config.republish?.src} to ${config.republish?.dest}`,
  };
  const needed = {
    storage: 'memory',
    max_msgs_per_subject: 1,
    max_age_ms: TTL_MS,
    republish: `${stored} to ${repeated}`,
  };
  const differing = (Object.keys(needed) as (keyof typeof needed)[])
    .filter((name) => found[name] !== needed[name])
    .map((name) => `  ${name} is ${found[name]}, not ${needed[name]}`);
  if (differing.length > 0) {
    throw new Error(`The bucket ${bucket} is not what a ledger needs:\n${differing.join('\n')}`);
  }
  return kv;
}
