/**
 * What is kept of a ledger beside its log (bulks, webhooks, what became of deliveries), as lines of a file. Unlike
 * events these messages have no place that matters: each is stored again under its subject, unless one is there.
 */
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { openBulkStream } from '../../bulks/store.ts';
import { besideLog, BULK_STREAM } from '../../contracts/subjects.ts';
import { openDeliveryLog } from '../../webhooks/nats/delivery-log.ts';
import { openWebhookBucket } from '../../webhooks/nats/webhook-bucket.ts';
import { ERROR_CODES, hasErrorCode, isWrongSequence } from '../../eventlog/error-codes.ts';
import type { Context } from '../command.ts';

export type BesideMessage = {
  readonly stream: string;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data_base64: string;
};

const AT_ONCE = 100;
/** What the server sets, or whoever stores it asks of the server. */
const OF_SERVER = /^Nats-/;

/** All of it, as it is now. */
export async function* messagesBeside(nc: NatsConnection, ledger: string): AsyncGenerator<BesideMessage> {
  for (const { stream, subjects } of besideLog(ledger)) {
    if ((await countIn(nc, stream, subjects)) === 0) continue;
    const consumer = await jetstream(nc).consumers.get(stream, {
      deliver_policy: DeliverPolicy.All,
      filter_subjects: subjects,
    });
    for await (const message of await consumer.consume()) {
      const own = [...(message.headers ?? [])].filter(([name]) => !OF_SERVER.test(name));
      yield {
        stream,
        subject: message.subject,
        headers: Object.fromEntries(own.map(([name, values]) => [name, values[0] ?? ''])),
        data_base64: Buffer.from(message.data).toString('base64'),
      };
      if (message.info.pending === 0) break;
    }
  }
}

/** Whether there is any of it. */
export async function hasBeside(nc: NatsConnection, ledger: string): Promise<boolean> {
  for (const { stream, subjects } of besideLog(ledger)) {
    if ((await countIn(nc, stream, subjects)) > 0) return true;
  }
  return false;
}

async function countIn(nc: NatsConnection, stream: string, subjects: readonly string[]): Promise<number> {
  const { streams } = await jetstreamManager(nc);
  let count = 0;
  for (const subjects_filter of subjects) {
    try {
      const { state } = await streams.info(stream, { subjects_filter });
      count += Object.keys(state.subjects ?? {}).length;
    } catch (error) {
      // Nobody has made it yet.
      if (!hasErrorCode(error, ERROR_CODES.StreamNotFound)) throw error;
    }
  }
  return count;
}

/** Makes the streams, and stores what is handed to it, in order as far as streams go. What is there stays as it is. */
export async function createBesideWriter({ ledger, streamReplicas: replicas }: Context, nc: NatsConnection) {
  await openBulkStream(nc, replicas);
  await openDeliveryLog(nc, { ledger, replicas });
  await openWebhookBucket(nc, { ledger, replicas });
  const js = jetstream(nc);
  let stream = '';
  let stored: Promise<void>[] = [];

  async function end(): Promise<void> {
    await Promise.all(stored);
    stored = [];
  }
  async function put({ subject, headers: given, data_base64 }: BesideMessage): Promise<void> {
    const all = headers();
    for (const [name, value] of Object.entries(given)) all.set(name, value);
    const options = { headers: all, expect: { lastSubjectSequence: 0 } };
    await js.publish(subject, Buffer.from(data_base64, 'base64'), options).catch((error: unknown) => {
      if (!isWrongSequence(error)) throw error;
    });
  }
  return {
    async add(message: BesideMessage): Promise<void> {
      if (message.stream !== stream || stored.length === AT_ONCE) await end();
      ({ stream } = message);
      stored.push(put(message));
    },
    end,
  };
}

/** The id of the bulk that a message is a part of, and whether it is the part that makes the bulk exist. */
export function bulkOf({ stream, subject }: BesideMessage): { id: string; manifest: boolean } | undefined {
  if (stream !== BULK_STREAM.name) return undefined;
  const [, , id = '', part] = subject.split('.');
  return { id, manifest: part === 'manifest' };
}
