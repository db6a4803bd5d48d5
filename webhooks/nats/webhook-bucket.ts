/**
 * Where webhooks are kept: a key-value bucket, apart from the log, since nothing here is a fact of the ledger and the
 * log keeps everything for ever. Secrets are in it; deploy/nats.conf lets readers see nothing of it. All reads go to
 * the bucket's leader, so whoever has stored a webhook finds it.
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm, type KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { WEBHOOK_BUCKET, webhookBucket, webhookKey } from '../../contracts/subjects.ts';
import { ERROR_CODES, hasErrorCode, isWrongSequence } from '../../eventlog/error-codes.ts';
import type { StoredWebhook } from './webhook.ts';

export type WebhookBucket = {
  readonly get: (id: string) => Promise<StoredWebhook | undefined>;
  /** All of the ledger's, newest first, deleted ones too. */
  readonly all: () => Promise<readonly StoredWebhook[]>;
  /** False if there is one with that id. */
  readonly add: (webhook: StoredWebhook) => Promise<boolean>;
  /**
   * Changes one as it is then.
   * @param change gives it as it shall be, or undefined if it is well as it is
   * @returns it as it is after that; undefined if there is none
   */
  readonly change: (
    id: string,
    change: (webhook: StoredWebhook) => StoredWebhook | undefined,
  ) => Promise<StoredWebhook | undefined>;
  /** Grows with every change of any webhook. */
  readonly revision: () => Promise<number>;
};

/** Opens the bucket of all ledgers' webhooks, makes it if it is not there, and gives those of one ledger. */
export async function openWebhookBucket(
  nc: NatsConnection,
  { ledger, replicas }: { ledger: string; replicas: number },
): Promise<WebhookBucket> {
  const manager = await jetstreamManager(nc);
  const kv: KV = await new Kvm(jetstream(nc)).create(WEBHOOK_BUCKET, {
    description: 'Webhooks, with their secrets.',
    storage: 'file',
    history: 1,
    replicas,
    // Answered by the leader only.
    allow_direct: false,
  });

  async function read(id: string) {
    const entry = await kv.get(webhookKey(ledger, id)).catch((error: unknown) => {
      if (hasErrorCode(error, ERROR_CODES.NoMessageFound)) return null;
      throw error;
    });
    return entry?.operation === 'PUT'
      ? { webhook: entry.json<StoredWebhook>(), revision: entry.revision }
      : undefined;
  }

  return {
    get: async (id) => (await read(id))?.webhook,
    async all() {
      const prefix = `$KV.${WEBHOOK_BUCKET}.`;
      const { state } = await manager.streams.info(webhookBucket.stream, {
        subjects_filter: `${prefix}${webhookBucket.keys(ledger)}`,
      });
      const ids = Object.keys(state.subjects ?? {}).map((subject) =>
        subject.slice(prefix.length + ledger.length + 1),
      );
      const found = await Promise.all(ids.map(read));
      return found
        .flatMap((entry) => (entry ? [entry.webhook] : []))
        .toSorted((a, b) => (sortKey(a) < sortKey(b) ? 1 : -1));
    },
    async add(webhook) {
      try {
        await kv.create(webhookKey(ledger, webhook.id), JSON.stringify(webhook));
        return true;
      } catch (error) {
        if (isWrongSequence(error)) return false;
        throw error;
      }
    },
    async change(id, change) {
      for (;;) {
        const found = await read(id);
        const changed = found && change(found.webhook);
        if (!found || !changed) return found?.webhook;
        try {
          await kv.update(webhookKey(ledger, id), JSON.stringify(changed), found.revision);
          return changed;
        } catch (error) {
          // Somebody else has changed it meanwhile.
          if (!isWrongSequence(error)) throw error;
        }
      }
    },
    revision: async () => (await manager.streams.info(webhookBucket.stream)).state.last_seq,
  };
}

function sortKey({ created_at, id }: StoredWebhook): string {
  return `${created_at} ${id}`;
}
