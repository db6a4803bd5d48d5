import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { asyncApi, type AsyncApi } from '../../contracts/asyncapi.ts';
import { webhookBucket, WEBHOOK_STREAM, webhookSubject } from '../../contracts/subjects.ts';
import { WEBHOOK_DISABLED } from '../../contracts/webhooks.ts';
import { openWebhookConsumers } from '../../webhooks/nats/consumers.ts';
import { openDeliveryLog } from '../../webhooks/nats/delivery-log.ts';
import type { AsyncApiDocument } from '../support/events/event-contract.ts';
import { openWebhookLedger, PAUSES, type WebhookLedger } from '../support/ledgers/webhook-ledger.ts';

let ledger: WebhookLedger;
beforeAll(async () => {
  ledger = await openWebhookLedger();
  await ledger.dispatch();
});
afterAll(() => ledger.close());

const WAIT = { timeout: 15_000, interval: 50 };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => new Date().toISOString();

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats.default(ajv);

/** What is wrong by the schema of this name in `/asyncapi.json`, which is to name every field that is there. */
function faultsOf(schema: string, value: unknown): unknown[] {
  const { components } = asyncApi({ ledger: ledger.ledger, natsServer: '' }) as AsyncApiDocument & AsyncApi;
  const check = ajv.compile({ ...components.schemas[schema], additionalProperties: false });
  return check(value) ? [] : (check.errors ?? []);
}

/** What a reader without a password hears of a webhook's end. */
async function listenAsReader(id: string) {
  const reader = await connect({ servers: new URL(inject('servers').natsUrl).host });
  const heard: { type: string | undefined; data: unknown; faults: unknown[] }[] = [];
  reader.subscribe(webhookSubject(ledger.ledger, id, 'disabled'), {
    callback: (_, message) => {
      const headers = Object.fromEntries(
        [...(message.headers ?? [])].map(([name, [value]]) => [name, value]),
      );
      const faults = [
        faultsOf('WebhookDisabledHeaders', headers),
        faultsOf('WebhookDisabled.v1', message.json()),
      ];
      heard.push({ type: headers['ce-type'], data: message.json(), faults: faults.flat() });
    },
  });
  await reader.flush();
  return { reader, heard };
}

describe('a webhook is disabled', () => {
  test('at once by 410 Gone; a reader hears it, and its deliveries say it', async () => {
    const receiver = await ledger.receiver();
    receiver.reply(() => 410);
    const { id } = await ledger.hook(receiver);
    const { reader, heard } = await listenAsReader(id);
    await ledger.deposit();
    await expect.poll(async () => (await ledger.webhooks.find(id))?.status, WAIT).toBe('disabled');
    const reason = 'The receiver answered 410 Gone.';
    expect(await ledger.webhooks.find(id)).toMatchObject({ disabled_reason: reason });
    await expect
      .poll(async () => await ledger.deliveries(id), WAIT)
      .toMatchObject([{ status: 'failed', attempts: 1, last_status: 410 }]);
    await expect
      .poll(() => heard, WAIT)
      .toEqual([{ type: WEBHOOK_DISABLED, data: { webhook: id, reason }, faults: [] }]);
    await reader.close();
  });

  test('when an event has failed to the end and nothing else went through; and only then', async () => {
    const receiver = await ledger.receiver();
    receiver.reply(() => 500);
    const { id } = await ledger.hook(receiver);
    const { reader, heard } = await listenAsReader(id);
    await ledger.deposit();
    await expect.poll(() => receiver.received.length, WAIT).toBe(PAUSES.length);
    expect(await ledger.webhooks.find(id)).toMatchObject({ status: 'active' });
    await expect.poll(async () => (await ledger.webhooks.find(id))?.status, WAIT).toBe('disabled');
    const { disabled_reason } = (await ledger.webhooks.find(id)) ?? {};
    expect(disabled_reason).toMatch(/^No delivery has succeeded since .* attempted 4 times\. .* HTTP 500\.$/);
    await expect
      .poll(async () => await ledger.deliveries(id), WAIT)
      .toMatchObject([{ status: 'failed', attempts: PAUSES.length + 1, last_error: 'HTTP 500.' }]);
    expect(heard).toHaveLength(1);
    await reader.close();
  });

  test('by hand; what happens meanwhile is sent when it is enabled again', async () => {
    const receiver = await ledger.receiver();
    const { id } = await ledger.hook(receiver);
    await ledger.webhooks.change(id, { status: 'disabled', at: now() });
    await pause(1_500);
    const meanwhile = await ledger.deposit(3);
    await pause(1_000);
    expect(receiver.received).toEqual([]);
    expect(await ledger.webhooks.change(id, { status: 'active', at: now() })).not.toHaveProperty(
      'disabled_at',
    );
    await expect.poll(() => receiver.received.length, WAIT).toBe(3);
    expect(receiver.received.map(({ event }) => event.subject).toSorted()).toEqual(meanwhile.toSorted());
  });
});

describe('a deleted webhook', () => {
  test('gets nothing more, and leaves neither consumers nor a secret', async () => {
    const receiver = await ledger.receiver();
    const { id } = await ledger.hook(receiver);
    await ledger.deposit();
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    const log = await openDeliveryLog(ledger.nc, { ledger: ledger.ledger, replicas: 1 });
    const { nameOf, streamOf } = await openWebhookConsumers(ledger.nc, ledger.ledger, log);
    const manager = await jetstreamManager(ledger.nc);
    for (const source of ['log', 'redelivery'] as const) {
      expect(await manager.consumers.info(streamOf(source), nameOf(id))).toBeDefined();
    }
    expect(await ledger.webhooks.remove(id)).toBe(true);
    expect([await ledger.webhooks.find(id), await ledger.webhooks.remove(id)]).toEqual([undefined, false]);
    await pause(1_000);
    await ledger.deposit();
    for (const source of ['log', 'redelivery'] as const) {
      await expect(manager.consumers.info(streamOf(source), nameOf(id))).rejects.toThrow(/not found/);
    }
    const subject = `$KV.WEBHOOKS.${ledger.ledger}.${id}`;
    const kept = await manager.streams.getMessage(webhookBucket.stream, { last_by_subj: subject });
    expect(kept?.json()).toMatchObject({ status: 'deleted', secret: '' });
    expect(receiver.received).toHaveLength(1);
    expect(await ledger.deliveries(id)).toEqual([]);
  });
});

describe('a webhook', () => {
  test('made with the same id answers as it did, whatever was changed since; not with another request', async () => {
    const webhook = {
      id: `wh_same-${Date.now()}`,
      body: { url: 'http://127.0.0.1:9/', types: ['*' as const] },
      fingerprint: 'one',
      created_at: now(),
    };
    const first = await ledger.webhooks.create(webhook);
    await ledger.webhooks.change(webhook.id, { url: 'http://127.0.0.1:10/', at: now() });
    const again = await ledger.webhooks.create({ ...webhook, created_at: now() });
    expect(first).toMatchObject({ replayed: false });
    expect(again).toEqual({ ...(first as object), replayed: true });
    expect(await ledger.webhooks.create({ ...webhook, fingerprint: 'other' })).toBe('reused');
    await ledger.webhooks.remove(webhook.id);
    expect(await ledger.webhooks.create(webhook)).toBe('deleted');
  });

  test('shows its secret to nobody after it is made', async () => {
    const { id, secret } = await ledger.hook(await ledger.receiver());
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const shown = [
      await ledger.webhooks.find(id),
      await ledger.webhooks.list(),
      await ledger.webhooks.change(id, { status: 'disabled', at: now() }),
    ];
    expect(JSON.stringify(shown)).not.toContain('whsec_');
  });

  test('is nothing that a reader without a password may read', async () => {
    const reader = await connect({ servers: new URL(inject('servers').natsUrl).host });
    const { id } = await ledger.hook(await ledger.receiver());
    const key = `$KV.WEBHOOKS.${ledger.ledger}.${id}`;
    for (const stream of [webhookBucket.stream, WEBHOOK_STREAM.name]) {
      for (const subject of [
        `STREAM.MSG.GET.${stream}`,
        `STREAM.INFO.${stream}`,
        `DIRECT.GET.${stream}`,
        `DIRECT.GET.${stream}.${key}`,
        `CONSUMER.CREATE.${stream}`,
        `CONSUMER.CREATE.${stream}.c`,
        `CONSUMER.CREATE.${stream}.c.${key}`,
        `CONSUMER.DURABLE.CREATE.${stream}.c`,
        `CONSUMER.LIST.${stream}`,
        `CONSUMER.INFO.${stream}.${id}`,
        `CONSUMER.DELETE.${stream}.${id}`,
        `CONSUMER.MSG.NEXT.${stream}.${id}`,
      ]) {
        const asked = reader.request(`$JS.API.${subject}`, '{}', { timeout: 1_000 });
        await expect(asked, subject).rejects.toThrow(/permissions violation/i);
      }
    }
    const heard: string[] = [];
    for (const subject of [`$KV.>`, webhookSubject(ledger.ledger, id, 'delivery.*.*')]) {
      reader.subscribe(subject, { callback: (_, message) => void heard.push(message.subject) });
    }
    await reader.flush();
    await ledger.webhooks.change(id, { status: 'disabled', at: now() });
    await reader.flush();
    expect(heard).toEqual([]);
    await reader.close();
  });
});

describe('where webhooks must be public', () => {
  test('nothing is sent to an address, or a name, that is private', async () => {
    const own = await openWebhookLedger();
    await own.dispatch({ allowPrivate: false });
    const receiver = await own.receiver();
    const byAddress = await own.hook(receiver);
    const byName = await own.hook(receiver, { url: `http://localhost:${receiver.port}/` });
    await own.deposit();
    for (const { id } of [byAddress, byName]) {
      await expect
        .poll(async () => await own.deliveries(id), WAIT)
        .toMatchObject([{ last_error: 'The host is not at a public address.' }]);
    }
    expect(receiver.received).toEqual([]);
    await own.close();
  });

  test('what was checked is what is connected to: the name is asked for once an attempt', async () => {
    const own = await openWebhookLedger();
    let asked = 0;
    const addresses = ['127.0.0.1', '192.0.2.1'];
    const resolve = () => {
      asked += 1;
      return Promise.resolve([{ address: addresses[asked - 1] ?? '', family: 4 }]);
    };
    await own.dispatch({ resolve });
    const receiver = await own.receiver();
    await own.hook(receiver, { url: `http://rebound.example:${receiver.port}/` });
    await own.deposit();
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    expect(receiver.received[0]?.headers['host']).toBe(`rebound.example:${receiver.port}`);
    expect(asked).toBe(1);
    await own.close();
  });
});
