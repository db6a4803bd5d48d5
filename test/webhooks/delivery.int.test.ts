import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventFrom } from '../../messages/mapping/resources.ts';
import {
  COMPLETED,
  openWebhookLedger,
  PAUSES,
  type WebhookLedger,
} from '../support/ledgers/webhook-ledger.ts';
import { startReceiver, type Received } from '../support/ledgers/webhook-receiver.ts';

let ledger: WebhookLedger;
beforeAll(async () => {
  ledger = await openWebhookLedger();
  await ledger.dispatch();
  // Two of them, as in production: all that follows holds with both.
  await ledger.dispatch();
});
afterAll(() => ledger.close());

const WAIT = { timeout: 15_000, interval: 50 };
const subjects = (received: readonly Received[]) => received.map(({ event }) => event.subject);
const sorted = (texts: readonly string[]) => texts.toSorted();

describe('a delivery', () => {
  test('is the CloudEvent as the log has it, signed as Standard Webhooks says, and noted', async () => {
    const receiver = await ledger.receiver();
    const { id } = await ledger.hook(receiver);
    const [transfer] = await ledger.deposit();
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    const [delivery] = receiver.received;
    const stored = (await ledger.allEvents()).find(
      ({ name, aggregateId }) => name === 'TransferCompleted' && aggregateId === transfer,
    );
    expect(delivery?.distrust).toBeUndefined();
    expect(delivery?.event).toEqual(eventFrom(stored!));
    expect(delivery?.id).toBe(stored?.id);
    expect(delivery?.headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
    await expect
      .poll(async () => await ledger.deliveries(id), WAIT)
      .toEqual([
        {
          event: stored?.id,
          position: stored?.position,
          type: COMPLETED,
          status: 'delivered',
          attempts: 1,
          last_attempt_at: expect.any(String),
          last_status: 204,
          delivered_at: expect.any(String),
        },
      ]);
  });

  test('is signed with a new secret, and for a day with the one before as well', async () => {
    const receiver = await ledger.receiver();
    const { id, secret } = await ledger.hook(receiver);
    const rotate = (hoursAgo: number, key?: string) =>
      ledger.webhooks.rotateSecret(id, {
        key,
        fingerprint: 'same',
        at: new Date(Date.now() - hoursAgo * 3_600_000).toISOString(),
      });
    const [first, again] = [await rotate(1, 'key'), await rotate(0, 'key')];
    if (typeof first !== 'object' || typeof again !== 'object') throw new Error('There is a webhook.');
    expect([first.webhook.secret === secret, first.replayed]).toEqual([false, false]);
    expect(again).toEqual({ ...first, replayed: true });
    // Dispatchers look for changes every second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await ledger.deposit();
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    receiver.trust(first.webhook.secret);
    await ledger.deposit();
    await expect.poll(() => receiver.received.length, WAIT).toBe(2);
    expect(receiver.received.map(({ distrust }) => distrust)).toEqual([undefined, undefined]);
    expect(receiver.received[0]?.headers['webhook-signature']?.split(' ')).toHaveLength(2);
  });

  test('is not signed with a secret that was replaced more than a day ago', async () => {
    const receiver = await ledger.receiver();
    const { id } = await ledger.hook(receiver);
    const at = new Date(Date.now() - 25 * 3_600_000).toISOString();
    await ledger.webhooks.rotateSecret(id, { key: undefined, fingerprint: '', at });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await ledger.deposit();
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    expect(receiver.received[0]?.distrust).toMatch(/signature/i);
  });

  test('comes for each event of the types from the creation on, and for no other', async () => {
    const [some, all] = [await ledger.receiver(), await ledger.receiver()];
    await ledger.deposit();
    await ledger.hook(some);
    await ledger.hook(all, { types: ['*'] });
    const after = await ledger.reader.lastPosition();
    const transfers = await ledger.deposit(5);
    await expect.poll(() => some.received.length, WAIT).toBe(5);
    await expect.poll(() => all.received.length, WAIT).toBe(15);
    expect(sorted(subjects(some.received))).toEqual(sorted(transfers));
    expect(some.received.map(({ event }) => event.type)).toEqual(Array.from({ length: 5 }, () => COMPLETED));
    const facts = (await ledger.allEvents()).filter(
      ({ position, aggregate }) => position > after && aggregate !== 'command',
    );
    expect(sorted(all.received.map(({ id }) => id))).toEqual(sorted(facts.map(({ id }) => id)));
    expect([...some.received, ...all.received].filter(({ distrust }) => distrust)).toEqual([]);
  });

  test('of many events comes once each, though two dispatchers share the work', async () => {
    const receiver = await ledger.receiver();
    await ledger.hook(receiver, { types: ['*'] });
    const transfers = await ledger.deposit(40);
    await expect.poll(() => receiver.received.length, WAIT).toBe(120);
    const ids = new Set(receiver.received.map(({ id }) => id));
    expect([ids.size, new Set(subjects(receiver.received)).size]).toEqual([120, transfers.length + 2]);
  });

  test('goes to the new URL and is of the new types once they are changed', async () => {
    const [before, after] = [await ledger.receiver(), await ledger.receiver()];
    const { id, secret } = await ledger.hook(before);
    after.trust(secret);
    await ledger.deposit();
    await expect.poll(() => before.received.length, WAIT).toBe(1);
    const at = new Date().toISOString();
    await ledger.webhooks.change(id, { url: after.url, types: ['ledger.MoneyDeposited.v1'], at });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await ledger.deposit(2);
    await expect.poll(() => after.received.length, WAIT).toBe(2);
    expect(after.received.map(({ event, distrust }) => [event.type, event.subject, distrust])).toEqual(
      Array.from({ length: 2 }, () => ['ledger.MoneyDeposited.v1', 'alice', undefined]),
    );
    expect(before.received).toHaveLength(1);
  });
});

describe('a delivery that fails', () => {
  test('with 500 is tried again with the same id and body, newly signed, until it is taken', async () => {
    const receiver = await ledger.receiver();
    receiver.reply((_, count) => (count < 3 ? 500 : 200));
    const { id } = await ledger.hook(receiver);
    await ledger.deposit();
    await expect.poll(() => receiver.received.length, WAIT).toBe(3);
    const [first, second, third] = receiver.received;
    expect([second?.id, third?.id]).toEqual([first?.id, first?.id]);
    expect([second?.event, third?.event]).toEqual([first?.event, first?.event]);
    expect(receiver.received.map(({ distrust }) => distrust)).toEqual([undefined, undefined, undefined]);
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(PAUSES[0]!);
    await expect
      .poll(async () => await ledger.deliveries(id), WAIT)
      .toMatchObject([{ status: 'delivered', attempts: 3, last_status: 200 }]);
  });

  test('does not hold up the next ones: they come while it waits', async () => {
    const receiver = await ledger.receiver();
    const poison: string[] = [];
    receiver.reply(({ event }) => (poison.includes(event.subject) ? 503 : 204));
    const { id } = await ledger.hook(receiver);
    poison.push(...(await ledger.deposit()));
    const others = await ledger.deposit(3);
    const done = async () =>
      (await ledger.deliveries(id)).filter(({ status }) => status === 'delivered').length;
    await expect.poll(done, WAIT).toBe(3);
    // An event that fails to the end disables nothing while others go through.
    await expect
      .poll(async () => (await ledger.deliveries(id)).at(-1), WAIT)
      .toMatchObject({ status: 'failed', attempts: PAUSES.length + 1, last_status: 503 });
    expect(others.every((transfer) => subjects(receiver.received).includes(transfer))).toBe(true);
    expect(await ledger.webhooks.find(id)).toMatchObject({ status: 'active' });
  });

  test('because nobody answers in time is tried again', async () => {
    // Other tests are not to fail because this machine takes a second to answer.
    const own = await openWebhookLedger();
    await own.dispatch({ timeoutMs: 1_000 });
    const receiver = await own.receiver();
    receiver.reply((_, count) => (count === 1 ? { afterMs: 5_000 } : 204));
    const { id } = await own.hook(receiver);
    await own.deposit();
    await expect
      .poll(async () => await own.deliveries(id), WAIT)
      .toMatchObject([{ status: 'retrying', attempts: 1, last_error: 'No response within 1 s.' }]);
    await expect
      .poll(async () => await own.deliveries(id), WAIT)
      .toMatchObject([{ status: 'delivered', attempts: 2 }]);
    await own.close();
  });

  test('because nobody listens is tried again', async () => {
    const gone = await startReceiver();
    await gone.close();
    const { id, secret } = await ledger.hook(gone);
    await ledger.deposit();
    await expect
      .poll(async () => await ledger.deliveries(id), WAIT)
      .toMatchObject([{ status: 'retrying', last_error: expect.stringMatching('ECONNREFUSED') }]);
    const back = await startReceiver(gone.port);
    back.trust(secret);
    await expect.poll(() => back.received.length, WAIT).toBe(1);
    await back.close();
  });

  test('with a redirect is not followed', async () => {
    const receiver = await ledger.receiver();
    receiver.reply(() => 307);
    const { id } = await ledger.hook(receiver);
    await ledger.deposit();
    const last_error = 'HTTP 307: redirects are not followed.';
    await expect
      .poll(async () => await ledger.deliveries(id), WAIT)
      .toMatchObject([{ last_status: 307, last_error }]);
  });

  test('waits as long as the receiver asks', async () => {
    const receiver = await ledger.receiver();
    receiver.reply((_, count) => (count === 1 ? { status: 429, retryAfter: '2' } : 204));
    await ledger.hook(receiver);
    await ledger.deposit();
    await expect.poll(() => receiver.received.length, WAIT).toBe(2);
    const [first, second] = receiver.received;
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(2_000);
  });

  test('of one webhook holds up no other', async () => {
    const [slow, fast] = [await ledger.receiver(), await ledger.receiver()];
    slow.reply(() => ({ afterMs: 5_000 }));
    const hooked = await ledger.hook(slow);
    await ledger.hook(fast);
    const started = performance.now();
    await ledger.deposit(10);
    await expect.poll(() => fast.received.length, WAIT).toBe(10);
    expect(performance.now() - started).toBeLessThan(8_000);
    await ledger.webhooks.remove(hooked.id);
  });
});

describe('redelivery by hand', () => {
  test('sends a delivered event again with the same id; and by position one from before the webhook', async () => {
    const receiver = await ledger.receiver();
    const [before] = await ledger.deposit();
    const old = (await ledger.allEvents()).find(
      ({ aggregateId, name }) => aggregateId === before && name === 'TransferCompleted',
    );
    const { id } = await ledger.hook(receiver);
    await ledger.deposit();
    await expect.poll(async () => (await ledger.deliveries(id)).length, WAIT).toBe(1);
    const [sent] = receiver.received;
    expect(await ledger.webhooks.redeliver(id, sent!.id)).toEqual({
      event: sent?.id,
      position: sent?.event.position,
    });
    await expect.poll(() => receiver.received.length, WAIT).toBe(2);
    expect(receiver.received[1]).toMatchObject({ id: sent?.id, event: sent?.event, distrust: undefined });
    await ledger.webhooks.redeliver(id, String(old?.position));
    await expect.poll(() => receiver.received.length, WAIT).toBe(3);
    expect(receiver.received[2]).toMatchObject({ id: old?.id, event: { subject: before } });
    await expect
      .poll(async () => (await ledger.deliveries(id)).map(({ attempts }) => attempts), WAIT)
      .toEqual([2, 1]);
  });

  test('takes the place of what is still being tried, and begins its attempts anew', async () => {
    const receiver = await ledger.receiver();
    let broken = true;
    receiver.reply(() => (broken ? 500 : 204));
    const { id } = await ledger.hook(receiver);
    await ledger.deposit();
    await expect.poll(async () => await ledger.deliveries(id), WAIT).toMatchObject([{ status: 'retrying' }]);
    broken = false;
    await ledger.webhooks.redeliver(id, receiver.received[0]!.id);
    await expect.poll(async () => await ledger.deliveries(id), WAIT).toMatchObject([{ status: 'delivered' }]);
    const { length } = receiver.received;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(receiver.received).toHaveLength(length);
  });

  test('of an event that is not there is nothing', async () => {
    const { id } = await ledger.hook(await ledger.receiver());
    for (const event of ['nothing', '999999999', '0', '-1']) {
      expect(await ledger.webhooks.redeliver(id, event)).toBeUndefined();
    }
  });
});
