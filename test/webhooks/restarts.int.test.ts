import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { WEBHOOK_STREAM, webhookSubject } from '../../contracts/subjects.ts';
import { openWebhookConsumers } from '../../webhooks/nats/consumers.ts';
import { openDeliveryLog } from '../../webhooks/nats/delivery-log.ts';
import { openWebhookLedger, type WebhookLedger } from '../support/ledgers/webhook-ledger.ts';

const MAIN = fileURLToPath(new URL('../../webhooks/main.ts', import.meta.url));

let ledger: WebhookLedger;
beforeAll(async () => {
  ledger = await openWebhookLedger();
});
afterAll(() => ledger.close());

const WAIT = { timeout: 15_000, interval: 50 };

/** The consumer of a webhook on the log. */
async function deleteConsumer(id: string): Promise<void> {
  const log = await openDeliveryLog(ledger.nc, { ledger: ledger.ledger, replicas: 1 });
  const { nameOf, streamOf } = await openWebhookConsumers(ledger.nc, ledger.ledger, log);
  const manager = await jetstreamManager(ledger.nc);
  expect(await manager.consumers.delete(streamOf('log'), nameOf(id))).toBe(true);
}

/** `npm run start:webhooks`. */
async function startProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      NATS_URL: inject('servers').natsUrl,
      LEDGER: ledger.ledger,
      WEBHOOKS_ALLOW_PRIVATE: 'true',
    },
  });
  await once(child.stdout, 'data');
  return child;
}

test('a dispatcher that is killed loses nothing: the next one delivers what it had begun, and what came since', async () => {
  const receiver = await ledger.receiver();
  let hang = false;
  receiver.reply(() => (hang ? { afterMs: 60_000 } : 204));
  const { id } = await ledger.hook(receiver);
  const first = await startProcess();
  const done = await ledger.deposit(3);
  const delivered = async () =>
    (await ledger.deliveries(id)).filter(({ status }) => status === 'delivered').length;
  await expect.poll(delivered, WAIT).toBe(3);
  hang = true;
  const begun = await ledger.deposit();
  await expect.poll(() => receiver.received.length, WAIT).toBe(4);
  first.kill('SIGKILL');
  await once(first, 'exit');
  hang = false;
  const since = await ledger.deposit(3);
  const second = await startProcess();
  // What the dead one had begun is given to another when its time to acknowledge is over.
  await expect.poll(delivered, { timeout: 60_000, interval: 200 }).toBe(7);
  const times = (transfer: string) =>
    receiver.received.filter(({ event }) => event.subject === transfer).length;
  expect([...done, ...since].map(times)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(begun.map(times)).toEqual([2]);
  second.kill('SIGTERM');
  expect(await once(second, 'exit')).toEqual([0, null]);
}, 120_000);

test('when a retry is due is not forgotten by a restart, nor how many there were', async () => {
  const receiver = await ledger.receiver();
  receiver.reply((_, count) => (count < 3 ? 500 : 204));
  const { id } = await ledger.hook(receiver);
  const pauses = [2_000, 2_000];
  const first = await ledger.dispatch({ pauses });
  await ledger.deposit();
  await expect
    .poll(async () => await ledger.deliveries(id), WAIT)
    .toMatchObject([{ status: 'retrying', attempts: 1 }]);
  await first.close();
  await ledger.dispatch({ pauses });
  await expect
    .poll(async () => await ledger.deliveries(id), WAIT)
    .toMatchObject([{ status: 'delivered', attempts: 3 }]);
  const [one, two, three] = receiver.received.map(({ at }) => at);
  expect(two! - one!).toBeGreaterThanOrEqual(2_000);
  expect(three! - two!).toBeGreaterThanOrEqual(2_000);
});

test('a consumer that somebody deletes is made anew: what came meanwhile is delivered, nothing twice', async () => {
  const receiver = await ledger.receiver();
  const { id } = await ledger.hook(receiver);
  await ledger.dispatch();
  const before = await ledger.deposit(2);
  await expect.poll(async () => (await ledger.deliveries(id)).length, WAIT).toBe(2);
  await deleteConsumer(id);
  const after = await ledger.deposit(2);
  await expect.poll(() => receiver.received.length, { ...WAIT, timeout: 40_000 }).toBe(4);
  const subjects = receiver.received.map(({ event }) => event.subject);
  expect(subjects.toSorted()).toEqual([...before, ...after].toSorted());
}, 60_000);

test('a consumer that is made anew goes on from what was noted as settled, not from the beginning', async () => {
  const receiver = await ledger.receiver();
  const { id } = await ledger.hook(receiver);
  await ledger.dispatch({ noteMs: 200 });
  await ledger.deposit(2);
  const log = await openDeliveryLog(ledger.nc, { ledger: ledger.ledger, replicas: 1 });
  const last = await ledger.reader.lastPosition();
  await expect.poll(async () => await log.floor(id), WAIT).toBe(last);
  const manager = await jetstreamManager(ledger.nc);
  // Nothing is known any more of the deliveries themselves: only what was noted keeps them from coming again.
  const filter = webhookSubject(ledger.ledger, id, 'delivery.*.*');
  await manager.streams.purge(WEBHOOK_STREAM.name, { filter });
  await deleteConsumer(id);
  await ledger.deposit();
  await expect.poll(() => receiver.received.length, { ...WAIT, timeout: 40_000 }).toBe(3);
}, 60_000);
