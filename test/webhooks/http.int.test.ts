import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { streamName } from '../../contracts/subjects.ts';
import type { CreatedWebhook, DeliveryResource, WebhookBody } from '../../contracts/webhooks.ts';
import { createMetrics } from '../../metrics/registry.ts';
import { webhookMetrics } from '../../metrics/webhook-metrics.ts';
import { filtersFor } from '../../webhooks/nats/consumers.ts';
import { openWebhookStores } from '../../webhooks/nats/stores.ts';
import { post, testApp } from '../api/fixtures/fixtures.ts';
import { KEY } from '../api/fixtures/rejected.ts';
import { samplesOf } from '../support/http/prometheus.ts';
import { COMPLETED, openWebhookLedger, type WebhookLedger } from '../support/ledgers/webhook-ledger.ts';

let ledger: WebhookLedger;
beforeAll(async () => {
  ledger = await openWebhookLedger();
});
afterAll(() => ledger.close());

const WAIT = { timeout: 15_000, interval: 50 };
const read = async <Body>(answer: Response | Promise<Response>) => (await (await answer).json()) as Body;

test('a request with a key is answered as it was, whatever secrets were made since', async () => {
  const { app } = testApp({ webhooks: ledger.webhooks });
  const body = { url: 'https://example.com/hook', types: [COMPLETED] };
  const make = async () => await read<CreatedWebhook>(app.request('/v1/webhooks', post(body, KEY)));
  const made = await make();
  const rotate = async (key: string) =>
    await read<CreatedWebhook>(
      app.request(`/v1/webhooks/${made.id}/rotate-secret`, post({}, { 'idempotency-key': key })),
    );
  const first = await rotate('one');
  const second = await rotate('two');
  expect(new Set([made, first, second].map(({ secret }) => secret)).size).toBe(3);
  await app.request(`/v1/webhooks/${made.id}`, { ...post({ status: 'disabled' }), method: 'PATCH' });
  expect([await make(), await rotate('one'), await rotate('two')]).toEqual([made, first, second]);
});

test('changed and deleted by many at once, its consumer is as it is in the end, or gone', async () => {
  const { consumers } = await openWebhookStores(ledger.nc, { ledger: ledger.ledger, streamReplicas: 1 });
  const { consumers: server } = await jetstreamManager(ledger.nc);
  const types: WebhookBody['types'][] = [[COMPLETED], ['*'], ['ledger.HoldPlaced.v1']];
  const body = { url: 'https://example.com/hook', types: [COMPLETED] as const };
  const at = new Date().toISOString();
  for (let round = 0; round < 30; round += 1) {
    const creation = { id: `wh_race${round}`, body, fingerprint: '', created_at: at };
    const { id } = creation;
    await ledger.webhooks.create(creation);
    const consumer = async () =>
      await server.info(streamName(ledger.ledger), consumers.nameOf(id)).then(({ config }) => config);
    const change = async () =>
      await Promise.all(types.map((wanted) => ledger.webhooks.change(id, { types: wanted, at })));
    await Promise.all([change(), change()]);
    const kept = (await ledger.webhooks.find(id))?.types ?? [];
    const { filter_subject, filter_subjects = [filter_subject] } = await consumer();
    expect(filter_subjects).toEqual(filtersFor(ledger.ledger, kept));
    // Nobody is told of a bug, whoever comes first.
    await Promise.all([change(), ledger.webhooks.create(creation), ledger.webhooks.remove(id), change()]);
    await expect(consumer()).rejects.toThrow('not found');
  }
});

test('over HTTP: made, delivered, listed, sent again by hand, deleted; and all of it measured', async () => {
  const metrics = createMetrics();
  await ledger.dispatch({}, webhookMetrics(metrics));
  const receiver = await ledger.receiver();
  const { app } = testApp({ webhooks: ledger.webhooks });
  const body = { url: receiver.url, types: [COMPLETED] };
  const { id, secret } = await read<CreatedWebhook>(app.request('/v1/webhooks', post(body)));
  receiver.trust(secret);
  receiver.reply((_, count) => (count === 1 ? 500 : 204));
  await ledger.deposit();
  const list = async () =>
    (await read<{ data: DeliveryResource[] }>(app.request(`/v1/webhooks/${id}/deliveries`))).data;
  await expect.poll(list, WAIT).toMatchObject([{ status: 'delivered', attempts: 2 }]);
  const [{ event } = { event: '' }] = await list();
  const again = await app.request(`/v1/webhooks/${id}/deliveries/${event}/redeliver`, { method: 'POST' });
  expect(again.status).toBe(202);
  await expect.poll(list, WAIT).toMatchObject([{ status: 'delivered', attempts: 3 }]);
  expect(receiver.received.map(({ id: sent, distrust }) => [sent, distrust])).toEqual(
    Array.from({ length: 3 }, () => [event, undefined]),
  );
  await expect
    .poll(async () => samplesOf((await metrics.show()).text), WAIT)
    .toMatchObject({
      'tallybook_webhook_attempts_total{outcome="delivered"}': 2,
      'tallybook_webhook_attempts_total{outcome="failed"}': 1,
      'tallybook_webhook_attempts_total{outcome="gave_up"}': 0,
      tallybook_webhook_pending: 0,
    });
  expect((await app.request(`/v1/webhooks/${id}`, { method: 'DELETE' })).status).toBe(204);
  expect((await app.request(`/v1/webhooks/${id}`)).status).toBe(404);
});
