/**
 * What the names of webhooks' consumers are made from: a text by chance, kept beside the webhooks, where readers of NATS
 * see nothing. It is made once for a bucket.
 */
import { randomBytes } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { WEBHOOK_BUCKET } from '../../contracts/subjects.ts';
import { isWrongSequence } from '../../eventlog/error-codes.ts';

/** One word: webhooks have keys of two. */
const KEY = 'consumer-names';

/** The bucket must be there. */
export async function consumerNames(nc: NatsConnection): Promise<string> {
  const kv = await new Kvm(jetstream(nc)).open(WEBHOOK_BUCKET);
  for (;;) {
    const entry = await kv.get(KEY);
    if (entry) return entry.string();
    try {
      await kv.create(KEY, randomBytes(32).toString('hex'));
    } catch (error) {
      // Another process was quicker.
      if (!isWrongSequence(error)) throw error;
    }
  }
}
