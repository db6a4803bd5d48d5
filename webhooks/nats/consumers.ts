/**
 * The two durable consumers of a webhook: one on the log for the events of its types, one for what somebody asked for
 * again. The server keeps what is unsettled and when it is due, so a dispatcher holds nothing that could be lost.
 */
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiError,
  jetstreamManager,
  type ConsumerConfig,
  type ConsumerInfo,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { EVENT_SUBJECTS, parseEventType } from '../../contracts/events.ts';
import { factsSubject, streamName, WEBHOOK_STREAM, webhookSubject } from '../../contracts/subjects.ts';
import { ALL_TYPES } from '../../contracts/webhooks.ts';
import { ERROR_CODES, hasErrorCode } from '../../eventlog/error-codes.ts';
import { consumerNames } from './consumer-names.ts';
import type { DeliveryLog } from './delivery-log.ts';
import type { StoredWebhook } from './webhook.ts';

/** Which of its consumers. */
export type Source = 'log' | 'redelivery';

export type WebhookConsumers = {
  /** Makes what is not there, and lets it deliver the types that the webhook has now. */
  readonly ensure: (webhook: StoredWebhook) => Promise<void>;
  readonly remove: (id: string) => Promise<void>;
  /** What waits, and up to where all is settled. */
  readonly progress: (id: string) => Promise<{ pending: number; settled: number }>;
  readonly streamOf: (source: Source) => string;
  /** What both are called. Nobody else is told: readers of NATS may use and remove what they know the name of. */
  readonly nameOf: (id: string) => string;
};

type Wanted = {
  readonly id: string;
  readonly filters: string[];
  readonly start: () => Promise<Partial<ConsumerConfig>>;
};

/** A step that others get in the way of is tried so often, with pauses that grow by this. */
const TRIES_MAX = 10;
const PAUSE_MS = 20;

/** Longer than an attempt takes with all that is read and noted. So late is tried again what a dead process had begun. */
const ACK_WAIT_NS = 30 * 1_000 * 1_000_000;
/** So many may wait to be tried again; further events wait until some of them are settled. */
const UNSETTLED_MAX = 10_000;
const NOTHING_DELIVERED: Pick<ConsumerInfo, 'num_pending' | 'num_ack_pending'> = {
  num_pending: 0,
  num_ack_pending: 0,
};

export async function openWebhookConsumers(
  nc: NatsConnection,
  ledger: string,
  deliveries: Pick<DeliveryLog, 'floor'>,
): Promise<WebhookConsumers> {
  const manager = await jetstreamManager(nc);
  const names = await consumerNames(nc);
  const nameOf = (id: string) => hash('sha256', `${names} ${id}`).slice(0, 32);
  const streamOf = (source: Source) => (source === 'log' ? streamName(ledger) : WEBHOOK_STREAM.name);

  async function info(source: Source, id: string): Promise<ConsumerInfo | undefined> {
    try {
      return await manager.consumers.info(streamOf(source), nameOf(id));
    } catch (error) {
      if (hasErrorCode(error, ERROR_CODES.ConsumerNotFound)) return undefined;
      throw error;
    }
  }

  /**
   * Other requests and dispatchers may make, change or remove it between the look and the step. The server then refuses
   * the step for one of many reasons, so whatever it refuses is looked at again.
   */
  async function ensureOne(source: Source, wanted: Wanted): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ensureOnce(source, wanted);
      } catch (error) {
        if (!(error instanceof JetStreamApiError) || tries === TRIES_MAX) throw error;
        await sleep(tries * PAUSE_MS);
      }
    }
  }

  async function ensureOnce(source: Source, { id, filters, start }: Wanted): Promise<void> {
    const found = await info(source, id);
    if (!found) {
      await manager.consumers.add(streamOf(source), {
        durable_name: nameOf(id),
        ack_policy: AckPolicy.Explicit,
        ack_wait: ACK_WAIT_NS,
        max_ack_pending: UNSETTLED_MAX,
        max_deliver: -1,
        filter_subjects: filters,
        ...(await start()),
      });
    } else if (filtersOf(found.config).join() !== filters.join()) {
      await manager.consumers.update(streamOf(source), nameOf(id), { filter_subjects: filters });
    }
  }

  return {
    streamOf,
    nameOf,
    async ensure({ id, types, from }) {
      await ensureOne('log', {
        id,
        filters: filtersFor(ledger, types),
        // If somebody has deleted it, it goes on from what was noted as settled.
        start: async () => ({
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: Math.max(from, await deliveries.floor(id)) + 1,
        }),
      });
      await ensureOne('redelivery', {
        id,
        filters: [webhookSubject(ledger, id, 'redelivery.*')],
        start: () => Promise.resolve({ deliver_policy: DeliverPolicy.All }),
      });
    },
    async remove(id) {
      for (const source of ['log', 'redelivery'] as const) {
        try {
          await manager.consumers.delete(streamOf(source), nameOf(id));
        } catch (error) {
          if (!hasErrorCode(error, ERROR_CODES.ConsumerNotFound)) throw error;
        }
      }
    },
    async progress(id) {
      const log = await info('log', id);
      const redeliveries = await info('redelivery', id);
      const waiting = [log ?? NOTHING_DELIVERED, redeliveries ?? NOTHING_DELIVERED];
      return {
        pending: waiting.reduce((sum, each) => sum + each.num_pending + each.num_ack_pending, 0),
        settled: log?.ack_floor.stream_seq ?? 0,
      };
    },
  };
}

/** The subjects of the log that a webhook's types are stored under. */
export function filtersFor(ledger: string, types: StoredWebhook['types']): string[] {
  if (types.includes(ALL_TYPES)) return [factsSubject(ledger)];
  return types
    .flatMap((type) => {
      const name = parseEventType(type)?.name;
      return name === undefined ? [] : [factsSubject(ledger, { event: EVENT_SUBJECTS[name] })];
    })
    .toSorted();
}

function filtersOf({ filter_subject, filter_subjects }: ConsumerConfig): string[] {
  return (filter_subjects ?? (filter_subject === undefined ? [] : [filter_subject])).toSorted();
}
