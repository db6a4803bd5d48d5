/**
 * What became of deliveries: for each event and webhook the last thing that is known, in a stream of its own that is
 * bounded by age and count. It is what the list of deliveries shows, and what keeps two dispatchers, or one that was
 * started again, from beginning anew with what has been delivered.
 */
import { jetstream, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { eventToken, WEBHOOK_STREAM, webhookSubject } from '../../contracts/subjects.ts';
import { WEBHOOK_DISABLED, type DeliveryResource } from '../../contracts/webhooks.ts';
import { ensureStream } from '../../eventlog/nats/stream.ts';
import { directGet } from '../../eventlog/read/direct-get.ts';

/** A delivery as it is kept. A run is the event as it came (0), or somebody's wish to have it again. */
export type Delivery = DeliveryResource & {
  readonly run: number;
  /** Attempts of this run, and when it began. */
  readonly tries: number;
  readonly run_at: string;
};

/** A delivery, and where it stands in the stream: what a write must find to be stored. */
export type StoredDelivery = { readonly delivery: Delivery; readonly sequence: number };

export type DeliveryLog = {
  readonly get: (webhook: string, position: number) => Promise<StoredDelivery | undefined>;
  /** By the id of its event. */
  readonly find: (webhook: string, event: string) => Promise<Delivery | undefined>;
  /** @throws JetStreamApiError if it is not as it was when it was read. */
  readonly put: (webhook: string, delivery: Delivery, before: number) => Promise<void>;
  /** Newest events first; those before a position if one is given. */
  readonly page: (webhook: string, limit: number, before?: number) => Promise<readonly Delivery[]>;
  /** Asks for an event again: a piece of work that waits for a dispatcher. */
  readonly requestRedelivery: (webhook: string, position: number) => Promise<void>;
  /** Whether anything was delivered at that time or after it. */
  readonly deliveredSince: (webhook: string, time: string) => Promise<boolean>;
  /** Up to which position of the log all deliveries are settled, as far as was noted. */
  readonly floor: (webhook: string) => Promise<number>;
  readonly setFloor: (webhook: string, position: number) => Promise<void>;
  /** Publishes that a webhook was disabled. */
  readonly publishDisabled: (webhook: string, why: { reason: string; at: string }) => Promise<void>;
  /** Forgets all about a webhook. */
  readonly forget: (webhook: string) => Promise<void>;
};

const DAY_NS = 24 * 60 * 60 * 1_000 * 1_000_000;
const AGE_MAX_NS = 30 * DAY_NS;
const COUNT_MAX = 1_000_000;
/** Subjects that one question may name. */
const READ_MAX = 500;

/** Opens the stream, makes it if it is not there, and gives the deliveries of one ledger. */
export async function openDeliveryLog(
  nc: NatsConnection,
  { ledger, replicas }: { ledger: string; replicas: number },
): Promise<DeliveryLog> {
  const manager = await jetstreamManager(nc);
  await ensureStream(manager, {
    name: WEBHOOK_STREAM.name,
    description: 'What became of the deliveries of webhooks.',
    subjects: [...WEBHOOK_STREAM.subjects],
    storage: 'file',
    retention: 'limits',
    discard: 'old',
    num_replicas: replicas,
    allow_direct: true,
    max_msgs: COUNT_MAX,
    max_age: AGE_MAX_NS,
    max_msgs_per_subject: 1,
  });
  const js = jetstream(nc);

  /** The last message of a subject, from the stream's leader: replicas may be behind. */
  async function last(subject: string): Promise<StoredMsg | undefined> {
    return (await manager.streams.getMessage(WEBHOOK_STREAM.name, { last_by_subj: subject })) ?? undefined;
  }
  async function write(subject: string, value: unknown): Promise<void> {
    await js.publish(subject, JSON.stringify(value));
  }
  const deliverySubject = (webhook: string, position: number | '*', event: string) =>
    webhookSubject(ledger, webhook, `delivery.${position}.${event}`);

  type DeliverySubject = { readonly subject: string; readonly position: number };

  /** Where the deliveries of a webhook are, newest events first. */
  async function subjectsOf(webhook: string): Promise<DeliverySubject[]> {
    const { state } = await manager.streams.info(WEBHOOK_STREAM.name, {
      subjects_filter: deliverySubject(webhook, '*', '*'),
    });
    return Object.keys(state.subjects ?? {})
      .map((subject) => ({ subject, position: Number(subject.split('.')[4]) }))
      .toSorted((a, b) => b.position - a.position);
  }

  async function read(subjects: readonly DeliverySubject[]): Promise<Delivery[]> {
    if (subjects.length === 0) return [];
    const multi_last = subjects.map(({ subject }) => subject);
    const found = await directGet(nc, WEBHOOK_STREAM.name, { multi_last });
    return found
      .map(({ data }) => JSON.parse(Buffer.from(data).toString()) as Delivery)
      .toSorted((a, b) => b.position - a.position);
  }

  return {
    async get(webhook, position) {
      const found = await last(deliverySubject(webhook, position, '*'));
      return found && { delivery: found.json<Delivery>(), sequence: found.seq };
    },
    async find(webhook, event) {
      const found = (await last(deliverySubject(webhook, '*', eventToken(event))))?.json<Delivery>();
      return found?.event === event ? found : undefined;
    },
    async put(webhook, delivery, before) {
      const subject = deliverySubject(webhook, delivery.position, eventToken(delivery.event));
      await js.publish(subject, JSON.stringify(delivery), { expect: { lastSubjectSequence: before } });
    },
    async page(webhook, limit, before = Infinity) {
      const subjects = (await subjectsOf(webhook)).filter(({ position }) => position < before);
      return await read(subjects.slice(0, limit));
    },
    async deliveredSince(webhook, time) {
      const subjects = await subjectsOf(webhook);
      // What came last is likely to tell.
      for (let from = 0; from < subjects.length; from += READ_MAX) {
        const some = await read(subjects.slice(from, from + READ_MAX));
        if (some.some(({ delivered_at = '' }) => delivered_at >= time)) return true;
      }
      return false;
    },
    requestRedelivery: (webhook, position) =>
      write(webhookSubject(ledger, webhook, `redelivery.${position}`), { position }),
    async floor(webhook) {
      const found = await last(webhookSubject(ledger, webhook, 'floor'));
      return found?.json<{ position: number }>().position ?? 0;
    },
    setFloor: (webhook, position) => write(webhookSubject(ledger, webhook, 'floor'), { position }),
    async publishDisabled(webhook, { reason, at }) {
      const natsHeaders = headers();
      const attributes = {
        'ce-specversion': '1.0',
        'ce-id': `${webhook}-disabled-${Date.parse(at)}`,
        'ce-source': `/ledgers/${ledger}/webhooks`,
        'ce-type': WEBHOOK_DISABLED,
        'ce-subject': webhook,
        'ce-time': at,
        datacontenttype: 'application/json',
      };
      for (const [name, value] of Object.entries(attributes)) natsHeaders.set(name, value);
      const data = JSON.stringify({ webhook, reason });
      await js.publish(webhookSubject(ledger, webhook, 'disabled'), data, { headers: natsHeaders });
    },
    async forget(webhook) {
      await manager.streams.purge(WEBHOOK_STREAM.name, { filter: webhookSubject(ledger, webhook, '>') });
    },
  };
}
