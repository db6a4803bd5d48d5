/** What a reader of NATS, whom nobody asks for a password, can and cannot do. */
import { randomUUID } from 'node:crypto';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { openBulkStream } from '../../../bulks/store.ts';
import {
  BULK_STREAM,
  bulkSubject,
  positionSubject,
  streamName,
  WEBHOOK_STREAM,
  webhookBucket,
  writerLease,
  writerSubject,
} from '../../../contracts/subjects.ts';
import { openReaderGate } from '../../../eventlog/nats/reader-gate.ts';
import { openWebhookLedger, type WebhookLedger } from '../../support/ledgers/webhook-ledger.ts';

let log: WebhookLedger;
let reader: NatsConnection;
let gate: ReturnType<typeof openReaderGate>;
let stream: string;
beforeAll(async () => {
  log = await openWebhookLedger();
  await openBulkStream(log.nc, 1);
  gate = openReaderGate(log.nc);
  await log.nc.flush();
  stream = streamName(log.ledger);
  reader = await connect({ servers: new URL(inject('servers').natsUrl).host });
});
afterAll(async () => {
  gate.close();
  await reader.close();
  await log.close();
});

type Reply = { error?: { description: string }; name?: string };

/** Asks as a program would that keeps to no client. */
async function ask(subject: string, question: unknown): Promise<Reply> {
  const text = typeof question === 'string' ? question : JSON.stringify(question);
  try {
    return (await reader.request(`$JS.API.${subject}`, text, { timeout: 2_000 })).json<Reply>();
  } catch (error) {
    return { error: { description: String(error) } };
  }
}

/** Something has been handed to the server's own delivery by then, if it was going to be. */
const settled = async () => {
  await log.deposit();
  await reader.flush();
  await new Promise((resolve) => setTimeout(resolve, 300));
};

const newName = () => `c-${randomUUID().slice(0, 8)}`;
const pushTo = (deliver_subject: string, name: string) => ({
  stream_name: stream,
  config: { name, deliver_subject, deliver_policy: 'all', ack_policy: 'none' },
});

describe('a consumer of a reader', () => {
  test('is one that pulls: durable, acknowledged, or in order; and it can be asked about and removed', async () => {
    await log.deposit();
    const manager = await jetstreamManager(reader);
    const name = newName();
    const config = {
      durable_name: name,
      filter_subject: `ledger.${log.ledger}.>`,
      ack_policy: AckPolicy.Explicit,
    };
    expect((await manager.consumers.add(stream, config)).name).toBe(name);
    const durable = await jetstream(reader).consumers.get(stream, name);
    const first = await durable.next({ expires: 2_000 });
    expect(first?.seq).toBe(1);
    expect(await first?.ackAck()).toBe(true);
    expect((await durable.info()).ack_floor.stream_seq).toBe(1);
    const ordered = await jetstream(reader).consumers.get(stream, {
      filter_subjects: `ledger.${log.ledger}.account.>`,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: 2,
    });
    expect((await ordered.next({ expires: 2_000 }))?.subject).toContain('.account.');
    const unnamed = await jetstream(reader).consumers.get(stream, {
      filter_subjects: [`ledger.${log.ledger}.account.>`, `ledger.${log.ledger}.transfer.>`],
    });
    expect((await unnamed.next({ expires: 2_000 }))?.seq, 'one that the server names').toBe(1);
    expect(await manager.consumers.delete(stream, name)).toBe(true);
    await expect(manager.consumers.info(stream, name)).rejects.toThrow(/not found/);
  });

  test.each<[string, () => string]>([
    ['a bulk', () => bulkSubject(log.ledger, 'forged', 'manifest')],
    ['a webhook', () => `$KV.WEBHOOKS.${log.ledger}.forged`],
    ['the lease of the active writer', () => writerLease(log.ledger).stored],
    ['the voice of the active writer', () => writerLease(log.ledger).repeated],
    ['a command for a writer', () => writerSubject(log.ledger, 'one')],
    ['the position of a read model', () => positionSubject(log.ledger, 'balances')],
    ['an answer to somebody', () => '_INBOX.somebody'],
    ['an event of another ledger', () => 'append.other.account.alice.created'],
    ['a question to the server', () => `$JS.API.STREAM.DELETE.${stream}`],
  ])('does not make the server publish %s', async (_, subjectOf) => {
    const subject = subjectOf();
    let heard = 0;
    log.nc.subscribe(subject, { callback: () => void (heard += 1) });
    await log.nc.flush();
    const name = newName();
    const push = pushTo(subject, name);
    const asked: [string, unknown][] = [
      [`CONSUMER.CREATE.${stream}.${name}`, push],
      [`CONSUMER.CREATE.${stream}`, push],
      [
        `CONSUMER.DURABLE.CREATE.${stream}.${name}`,
        { ...push, config: { ...push.config, durable_name: name } },
      ],
      // The server's parser takes these for the same name.
      [
        `CONSUMER.CREATE.${stream}.${name}`,
        JSON.stringify(push).replace('deliver_subject', 'Deliver_Subject'),
      ],
      [
        `CONSUMER.CREATE.${stream}.${name}`,
        JSON.stringify(push).replace('"config"', '"config":{"name":"n"},"Config"'),
      ],
    ];
    for (const [where, question] of asked) {
      expect(await ask(where, question), where).toHaveProperty('error');
    }
    // Nor by changing one that pulls.
    await ask(`CONSUMER.CREATE.${stream}.${name}`, {
      stream_name: stream,
      config: { name, ack_policy: 'none', inactive_threshold: 5e9 },
    });
    await ask(`CONSUMER.CREATE.${stream}.${name}`, { ...push, action: 'update' });
    await settled();
    expect(heard).toBe(0);
  });

  test('is on a log, and on nothing else', async () => {
    for (const other of [
      BULK_STREAM.name,
      WEBHOOK_STREAM.name,
      webhookBucket.stream,
      `KV_WRITERS_${log.ledger}`,
    ]) {
      const config = { name: 'c', ack_policy: 'none' };
      expect(await ask(`CONSUMER.CREATE.${other}.c`, { stream_name: other, config })).toHaveProperty('error');
    }
    expect(await ask(`CONSUMER.CREATE.${stream}.c`, 'no JSON')).toHaveProperty('error');
  });
});

describe('the consumers of a webhook', () => {
  test('are out of reach: nobody learns their names, and without them they cannot be touched', async () => {
    const receiver = await log.receiver();
    const { id } = await log.hook(receiver);
    const manager = await jetstreamManager(log.nc);
    const names = [];
    for await (const { name } of manager.consumers.list(stream)) names.push(name);
    expect(names.length).toBeGreaterThan(0);
    expect(names).not.toContain(id);
    expect(JSON.stringify(await log.webhooks.find(id))).not.toContain(names[0]);
    const refused: [string, unknown][] = [
      [`CONSUMER.NAMES.${stream}`, {}],
      [`CONSUMER.LIST.${stream}`, {}],
      [`CONSUMER.INFO.${stream}.${id}`, {}],
      [`CONSUMER.DELETE.${stream}.${id}`, {}],
      [`CONSUMER.PAUSE.${stream}.${names[0]}`, { pause_until: '2030-01-01T00:00:00Z' }],
      [`CONSUMER.LEADER.STEPDOWN.${stream}.${names[0]}`, {}],
    ];
    for (const [subject, question] of refused) {
      expect(await ask(subject, question), subject).toHaveProperty('error');
    }
    // What would be its first acknowledgement, if that were its name.
    const [first] = await log.deposit();
    const position = await log.reader.lastPosition();
    for (let sequence = 1; sequence <= position; sequence += 1) {
      reader.publish(`$JS.ACK.${stream}.${id}.1.${sequence}.1.1700000000000000000.0`, '+ACK');
    }
    await reader.flush();
    const dispatcher = await log.dispatch();
    await expect
      .poll(async () => (await log.deliveries(id)).map(({ status }) => status))
      .toEqual(['delivered']);
    expect(first).toBeDefined();
    await dispatcher.close();
  });
});
