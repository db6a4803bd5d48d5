import { expect, it } from 'vitest';
import { httpMetrics } from '../../../metrics/http-metrics.ts';
import { createMetrics } from '../../../metrics/registry.ts';
import { account, post, readStore, testApp } from '../fixtures/fixtures.ts';
import { deposit, KEY } from '../fixtures/rejected.ts';

/** An app whose requests are really measured. */
function measuredApp() {
  const metrics = createMetrics();
  const { app } = testApp({
    readStore: readStore({ accounts: [account()] }),
    metrics: { requested: httpMetrics(metrics), show: metrics.show },
  });
  const lines = async (name: string) =>
    (await (await app.request('/metrics')).text()).split('\n').filter((line) => line.startsWith(`${name}{`));
  return { app, lines };
}

it('is Prometheus’ text format, with the metrics of the process', async () => {
  const { app } = measuredApp();
  const answer = await app.request('/metrics');
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  expect(text).toContain('# TYPE process_resident_memory_bytes gauge');
  for (const line of text.split('\n').filter((one) => one !== '')) {
    expect(line).toMatch(/^(# (HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+(\{.*\})? [-+0-9.eNaInf]+)$/);
  }
});

it('counts requests by the pattern of their route, whatever the path, and by how they were answered', async () => {
  const { app, lines } = measuredApp();
  for (const id of ['alice', 'alice', 'nobody', 'no%20id']) await app.request(`/v1/accounts/${id}`);
  await app.request('/v1/deposits', post(deposit, KEY));
  await app.request('/v1/deposits', post(deposit));
  expect(await lines('tallybook_http_requests_total')).toEqual([
    'tallybook_http_requests_total{method="GET",route="/v1/accounts/{id}",status="200"} 2',
    'tallybook_http_requests_total{method="GET",route="/v1/accounts/{id}",status="404"} 1',
    'tallybook_http_requests_total{method="GET",route="/v1/accounts/{id}",status="400"} 1',
    'tallybook_http_requests_total{method="POST",route="/v1/deposits",status="201"} 1',
    'tallybook_http_requests_total{method="POST",route="/v1/deposits",status="400"} 1',
  ]);
  const counts = (await lines('tallybook_http_request_duration_seconds_count')).slice(0, 2);
  expect(counts.map((line) => line.split(' ').at(-1))).toEqual(['4', '2']);
});

it('has one series for all that no route takes', async () => {
  const { app, lines } = measuredApp();
  for (let index = 0; index < 20; index += 1) await app.request(`/made-up/${index}`);
  await app.request('/healthz', { method: 'PURGE' });
  const series = await lines('tallybook_http_requests_total');
  expect(series[0]).toBe('tallybook_http_requests_total{method="GET",route="unmatched",status="404"} 20');
  expect(series[1]).toMatch(/method="other".* 1$/);
  expect(series).toHaveLength(2);
});
