/** Sends the events of one webhook: pulls what its consumers have, a few at a time, whatever the others do. */
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream, type Consumer, type JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { RecordedEvent } from '../contracts/events.ts';
import type { EventReader } from '../eventlog/read/event-reader.ts';
import { toStored } from '../eventlog/read/follow.ts';
import { decode } from '../eventlog/wire/codec.ts';
import { deliver, type DeliverDependencies, type Verdict } from './deliver.ts';
import type { Source, WebhookConsumers } from './nats/consumers.ts';
import type { StoredWebhook } from './nats/webhook.ts';

export type Runner = {
  /** Goes on with the webhook as it is now. */
  readonly update: (webhook: StoredWebhook) => void;
  /** Takes nothing new, finishes what it has or gives it back, and resolves. */
  readonly close: () => Promise<void>;
};

export type RunnerOptions = DeliverDependencies & {
  readonly nc: NatsConnection;
  readonly reader: Pick<EventReader, 'read'>;
  readonly consumers: WebhookConsumers;
  readonly tell: (line: string) => void;
};

/** Attempts of one webhook at the same time; what was asked for by hand has a place of its own. */
const CONCURRENCY: Readonly<Record<Source, number>> = { log: 10, redelivery: 2 };
/** How long one question for work waits. Nothing is pulled that cannot be begun at once. */
const PULL_MS = 30_000;
/** How long an attempt may go on when the process ends. */
const CLOSE_GRACE_MS = 4_000;
/** Until something is tried again that failed here and not at the receiver. */
const TROUBLE_MS = 2_000;

export function startRunner(first: StoredWebhook, options: RunnerOptions): Runner {
  const { nc, consumers, tell } = options;
  /** Ends the taking of work, and later the attempts that are still going on. */
  const closing = new AbortController();
  const ending = new AbortController();
  const going = new Set<Promise<void>>();
  let webhook = first;
  const isOver = () => closing.signal.aborted || nc.isClosed();

  async function eventOf(source: Source, message: JsMsg): Promise<RecordedEvent | undefined> {
    if (source === 'log') return decode(toStored(message));
    const { position } = message.json<{ position: number }>();
    const [event] = await options.reader.read(position - 1, 1);
    return event?.position === position ? event : undefined;
  }

  async function work(source: Source, message: JsMsg): Promise<Verdict> {
    const event = await eventOf(source, message);
    if (!event) return { type: 'settled' };
    const run = source === 'log' ? 0 : message.seq;
    return await deliver(options, { webhook, event, run }, ending.signal);
  }

  async function handle(source: Source, message: JsMsg): Promise<void> {
    // What comes after the end is somebody else's.
    if (isOver()) return message.nak();
    try {
      const verdict = await work(source, message);
      if (verdict.type === 'settled') message.ack();
      else message.nak(verdict.ms);
    } catch (error) {
      if (ending.signal.aborted) return message.nak();
      tell(`An event for webhook ${webhook.id} could not be dealt with: ${String(error)}`);
      message.nak(TROUBLE_MS);
    }
  }

  async function pull(source: Source, consumer: Consumer, broken: AbortController): Promise<void> {
    while (!isOver() && !broken.signal.aborted) {
      const message = await consumer.next({ expires: PULL_MS });
      if (!message) continue;
      const handling = handle(source, message);
      going.add(handling);
      await handling.finally(() => going.delete(handling));
    }
  }

  async function keepPulling(source: Source): Promise<void> {
    while (!isOver()) {
      const broken = new AbortController();
      const fail = (error: unknown) => {
        if (!isOver() && !broken.signal.aborted) {
          tell(`Webhook ${webhook.id} is not served for a moment: ${String(error)}`);
        }
        broken.abort();
      };
      try {
        await consumers.ensure(webhook);
        const consumer = await jetstream(nc).consumers.get(
          consumers.streamOf(source),
          consumers.nameOf(webhook.id),
        );
        const pulls = Array.from({ length: CONCURRENCY[source] }, () =>
          pull(source, consumer, broken).catch(fail),
        );
        await Promise.all(pulls);
      } catch (error) {
        fail(error);
      }
      await sleep(TROUBLE_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  void keepPulling('log');
  void keepPulling('redelivery');
  return {
    update(changed) {
      webhook = changed;
    },
    async close() {
      closing.abort();
      const grace = setTimeout(() => ending.abort(new Error('The process ends.')), CLOSE_GRACE_MS);
      // Questions that are still waiting are not waited for: what answers them now is given back.
      await Promise.allSettled(going);
      clearTimeout(grace);
    },
  };
}
