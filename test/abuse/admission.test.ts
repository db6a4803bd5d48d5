import { EventEmitter, once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { QUERIES_MAX } from '../../api/http/admission.ts';
import { account, post, readStore, testApp } from '../api/fixtures/fixtures.ts';
import { KEY, transfer } from '../api/fixtures/rejected.ts';

/** An app whose read model answers when it is told to. */
function slowApp() {
  const told = new EventEmitter();
  const answered = once(told, 'answer');
  const slow = { ...readStore({}), account: () => answered.then(() => account()) };
  return { app: testApp({ readStore: slow }).app, answer: () => told.emit('answer') };
}

test('more queries than the read model can answer are refused at once; those under way are answered', async () => {
  const { app, answer } = slowApp();
  const underWay = Array.from({ length: QUERIES_MAX }, async () => app.request('/v1/accounts/alice'));
  const refused = await app.request('/v1/accounts/alice');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await refused.json()).toMatchObject({ code: 'overloaded' });
  answer();
  expect((await Promise.all(underWay)).every(({ status }) => status === 200)).toBe(true);
  expect((await app.request('/v1/accounts/alice')).status).toBe(200);
});

test('probes, commands and live streams are let in all the same', async () => {
  const { app, answer } = slowApp();
  const underWay = Array.from({ length: QUERIES_MAX }, async () => app.request('/v1/accounts/alice'));
  const others: [path: string, init?: RequestInit][] = [
    ['/healthz'],
    ['/readyz'],
    ['/metrics'],
    ['/v1/transfers', post(transfer, KEY)],
    ['/v1/events', { headers: { accept: 'text/event-stream' } }],
  ];
  const statuses = others.map(async ([path, init]) => (await app.request(path, init)).status);
  expect(await Promise.all(statuses)).toEqual([200, 200, 200, 201, 200]);
  answer();
  await Promise.all(underWay);
});

test('a query that fails makes room again', async () => {
  const failing = { ...readStore({}), accounts: () => Promise.reject(new RangeError('a bug')) };
  const { app } = testApp({ readStore: failing });
  const logged = vi.spyOn(console, 'error').mockReturnValue();
  const statuses = new Set<number>();
  for (let count = 0; count <= QUERIES_MAX; count += 1) {
    statuses.add((await app.request('/v1/accounts')).status);
  }
  expect([...statuses]).toEqual([500]);
  logged.mockRestore();
});
