import { describe, expect, test } from 'vitest';
import type { CreatedWebhook, DeliveryResource, WebhookResource } from '../../../contracts/webhooks.ts';
import { post, testApp } from '../fixtures/fixtures.ts';
import { memoryWebhooks, NEXT_SECRET, SECRET, webhookBody } from '../fixtures/memory-webhooks.ts';
import { codeOf, codeTo, KEY, problemOf } from '../fixtures/rejected.ts';

type Page<Item> = { data: Item[]; next_cursor: string | null };
type Failure = { code: string; errors: unknown };

const read = async <Body>(answer: Response | Promise<Response>) => (await (await answer).json()) as Body;
const patch = (body: object): RequestInit => ({ ...post(body), method: 'PATCH' });

describe('POST /v1/webhooks/{id}/rotate-secret', () => {
  const path = '/v1/webhooks/wh_1/rotate-secret';

  test('answers with a new secret, and the same one to the same key', async () => {
    const { app } = testApp({ webhooks: memoryWebhooks(['wh_1']) });
    const [first, again] = [
      await app.request(path, { method: 'POST', headers: KEY }),
      await app.request(path, { method: 'POST', headers: KEY }),
    ];
    expect([first.status, again.status]).toEqual([200, 200]);
    const webhook = await read<CreatedWebhook>(first);
    expect(webhook).toMatchObject({ id: 'wh_1', secret: NEXT_SECRET });
    expect([first, again].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true']);
    expect(await again.json()).toEqual(webhook);
  });

  test('takes a secret of the client’s own; another one with the same key is refused', async () => {
    const { app } = testApp({ webhooks: memoryWebhooks(['wh_1']) });
    const made = await read<CreatedWebhook>(app.request(path, post({ secret: SECRET }, KEY)));
    expect(made.secret).toBe(SECRET);
    const other = await app.request(path, post({ secret: NEXT_SECRET }, KEY));
    expect((await read<Failure>(other)).code).toBe('idempotency_key_reused');
  });

  test('refuses what is no secret, and a webhook that is not there', async () => {
    const { app } = testApp({ webhooks: memoryWebhooks(['wh_1']) });
    expect((await app.request(path, post({ secret: 'short' }))).status).toBe(400);
    expect((await app.request(path.replace('wh_1', 'wh_2'), { method: 'POST' })).status).toBe(404);
  });
});

describe('POST /v1/webhooks', () => {
  test('answers 201 with the secret; it is nowhere else', async () => {
    const { app } = testApp();
    const made = await app.request('/v1/webhooks', post(webhookBody));
    const webhook = await read<CreatedWebhook>(made);
    expect([made.status, made.headers.get('location')]).toEqual([201, `/v1/webhooks/${webhook.id}`]);
    expect(webhook).toMatchObject({ ...webhookBody, status: 'active', secret: SECRET });
    for (const path of [
      '/v1/webhooks',
      `/v1/webhooks/${webhook.id}`,
      `/v1/webhooks/${webhook.id}/deliveries`,
    ]) {
      const answer = await app.request(path);
      expect([answer.status, (await answer.text()).includes('whsec_')]).toEqual([200, false]);
    }
    const changed = await app.request(`/v1/webhooks/${webhook.id}`, patch({ types: ['*'] }));
    expect([changed.status, (await changed.text()).includes('whsec_')]).toEqual([200, false]);
  });

  test('with the same key answers the same, and refuses another body', async () => {
    const { app } = testApp();
    const [first, again, other] = [
      await app.request('/v1/webhooks', post(webhookBody, KEY)),
      await app.request('/v1/webhooks', post(webhookBody, KEY)),
      await app.request('/v1/webhooks', post({ ...webhookBody, types: ['*'] }, KEY)),
    ];
    expect([first.status, again.status, other.status]).toEqual([201, 201, 422]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toEqual(await first.json());
  });

  test('without a key makes one each time', async () => {
    const { app } = testApp();
    await app.request('/v1/webhooks', post(webhookBody));
    await app.request('/v1/webhooks', post(webhookBody));
    const list = await read<Page<WebhookResource>>(app.request('/v1/webhooks'));
    expect(list.data).toHaveLength(2);
  });

  test('does not make a webhook again that was deleted', async () => {
    const { app } = testApp();
    const { id } = await read<CreatedWebhook>(app.request('/v1/webhooks', post(webhookBody, KEY)));
    expect((await app.request(`/v1/webhooks/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await app.request('/v1/webhooks', post(webhookBody, KEY))).status).toBe(404);
  });

  test.each([
    ['no URL', { ...webhookBody, url: 'example' }],
    ['another scheme', { ...webhookBody, url: 'ftp://example.com' }],
    ['a password in the URL', { ...webhookBody, url: 'https://a:b@example.com' }],
    ['a fragment', { ...webhookBody, url: 'https://example.com/#a' }],
    ['a long URL', { ...webhookBody, url: `https://example.com/${'x'.repeat(2_048)}` }],
    ['no types', { ...webhookBody, types: [] }],
    ['an unknown type', { ...webhookBody, types: ['ledger.Nothing.v1'] }],
    ['a type that is not published', { ...webhookBody, types: ['ledger.CommandRecorded.v1'] }],
    ['a type twice', { ...webhookBody, types: [webhookBody.types[0], webhookBody.types[0]] }],
    ['all types and one more', { ...webhookBody, types: ['*', webhookBody.types[0]] }],
    ['a secret without its prefix', { ...webhookBody, secret: SECRET.slice(6) }],
    ['a short secret', { ...webhookBody, secret: 'whsec_c2hvcnQ=' }],
    ['a long secret', { ...webhookBody, secret: `whsec_${'A'.repeat(88)}` }],
    ['a secret that is not base64', { ...webhookBody, secret: `whsec_${'?'.repeat(32)}` }],
    ['an unknown field', { ...webhookBody, name: 'x' }],
  ])('refuses %s before it reaches anything', async (_, body) => {
    expect(await codeOf('/v1/webhooks', post(body))).toBe('invalid_request');
  });

  test('refuses a URL that can never be sent to, when made and when changed', async () => {
    const { app } = testApp({ webhooks: memoryWebhooks(['wh_1']) });
    const local = { ...webhookBody, url: 'http://localhost/hook' };
    for (const answer of [
      await app.request('/v1/webhooks', post(local)),
      await app.request('/v1/webhooks/wh_1', patch({ url: local.url })),
    ]) {
      expect(answer.status).toBe(400);
      expect((await read<Failure>(answer)).errors).toEqual([
        { path: 'url', message: 'must be at a public address' },
      ]);
    }
  });
});

describe('the other routes', () => {
  test('page webhooks, newest first', async () => {
    const { app } = testApp({ webhooks: memoryWebhooks(['wh_1', 'wh_2', 'wh_3']) });
    const first = await read<Page<WebhookResource>>(app.request('/v1/webhooks?limit=2'));
    expect(first.data.map(({ id }) => id)).toEqual(['wh_3', 'wh_2']);
    const next = `/v1/webhooks?limit=2&cursor=${first.next_cursor}`;
    const second = await read<Page<WebhookResource>>(app.request(next));
    expect(second.data.map(({ id }) => id)).toEqual(['wh_1']);
    expect(second.next_cursor).toBeNull();
  });

  test('page deliveries, newest events first', async () => {
    const { app } = testApp({ webhooks: memoryWebhooks(['wh_1']) });
    const first = await read<Page<DeliveryResource>>(app.request('/v1/webhooks/wh_1/deliveries?limit=1'));
    expect(first.data.map(({ position }) => position)).toEqual([8]);
    const rest = await read<Page<DeliveryResource>>(
      app.request(`/v1/webhooks/wh_1/deliveries?cursor=${first.next_cursor}`),
    );
    expect(rest).toMatchObject({ data: [{ position: 5, status: 'delivered' }], next_cursor: null });
  });

  test('ask for an event again by its id and by its position; not while the webhook is disabled', async () => {
    const { app } = testApp({ webhooks: memoryWebhooks(['wh_1']) });
    const again = async (event: string) =>
      await app.request(`/v1/webhooks/wh_1/deliveries/${event}/redeliver`, { method: 'POST' });
    for (const event of ['tr_1-3', '5']) {
      const answer = await again(event);
      expect([answer.status, await answer.json()]).toEqual([202, { event: 'tr_1-3', position: 5 }]);
    }
    expect((await again('99')).status).toBe(404);
    await app.request('/v1/webhooks/wh_1', patch({ status: 'disabled' }));
    expect((await again('5')).status).toBe(409);
  });

  test('answer 404 for a webhook that is not there', async () => {
    const { app } = testApp();
    const asked: [string, RequestInit?][] = [
      ['/v1/webhooks/wh_1'],
      ['/v1/webhooks/wh_1', patch({ status: 'active' })],
      ['/v1/webhooks/wh_1', { method: 'DELETE' }],
      ['/v1/webhooks/wh_1/deliveries'],
      ['/v1/webhooks/wh_1/deliveries/5/redeliver', { method: 'POST' }],
    ];
    for (const [path, init] of asked) {
      const answer = await app.request(path, init);
      expect([path, answer.status, (await read<Failure>(answer)).code]).toEqual([
        path,
        404,
        'webhook_not_found',
      ]);
    }
  });

  test.each(['?limit=0', '?limit=501', '?cursor='.padEnd(600, 'x')])('refuse %s', async (query) => {
    expect(await codeOf(`/v1/webhooks${query}`)).toBe('invalid_request');
  });

  test.each(['x', 'MTI', Buffer.from('2026-01-01T00:00:00.000Z ').toString('base64url')])(
    'refuse the cursor %s',
    async (cursor) => {
      const { app } = testApp();
      expect((await read<Failure>(app.request(`/v1/webhooks?cursor=${cursor}`))).code).toBe('invalid_cursor');
    },
  );

  test('refuse a change of nothing, of an unknown field, or to a status that is none', async () => {
    for (const body of [{}, { secret: SECRET }, { status: 'deleted' }]) {
      expect(await codeTo('PATCH /v1/webhooks/wh_1', post(body))).toBe('invalid_request');
    }
    const { problem } = await problemOf('/v1/webhooks/a.b');
    expect(problem.code).toBe('invalid_request');
  });
});
