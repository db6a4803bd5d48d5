import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isProblemCode, PROBLEMS } from '../../contracts/problems.ts';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { runs, seed } from '../support/fuzz/fuzz-settings.ts';
import {
  requestsOf,
  routesOf,
  type FuzzedRequest,
  type OpenApi,
  type Route,
} from '../support/fuzz/fuzzed-requests.ts';
import { httpClient, type Reply } from '../support/http/http.ts';
import { samplesOf } from '../support/http/prometheus.ts';
import { openMany } from '../support/http/raw-http.ts';

/** HTTP answers within 10 s; the rest is for a machine that is busy with this. */
const HANG_MS = 25_000;

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
const ids: string[] = [];
beforeAll(async () => {
  tallybook = await startThrowaway();
  http = httpClient(tallybook.url);
  for (const id of ['alice', 'bob', 'texts']) {
    await http.post('/v1/accounts', { id, owner: id, currency: 'EUR' });
    await http.post('/v1/deposits', { account: id, amount: '100000', currency: 'EUR' });
  }
  const waiting = { source: 'alice', destination: 'bob', amount: '5', currency: 'EUR' };
  const made = [
    await http.post('/v1/transfers', { ...waiting, approval: { timeout_seconds: 600 } }),
    await http.post('/v1/transfers', waiting),
    await http.post('/v1/holds', { account: 'alice', amount: '5', currency: 'EUR' }),
    await http.post('/v1/bulk-transfers', { transfers: [waiting] }),
  ];
  ids.push('alice', 'bob', 'world_EUR', 'simulator', ...made.map(({ body }) => body.id as string));
});
afterAll(() => tallybook.remove());

type Body = Record<string, unknown>;

/** Everything that the ledger has. */
async function lastPosition(): Promise<number> {
  return (await http.get('/readyz')).body.projector.last_position as number;
}

const deposit = (more: Body, key: string) =>
  http.post(
    '/v1/deposits',
    { account: 'texts', amount: '1', currency: 'EUR', ...more },
    { 'idempotency-key': key },
  );

const bulk = async (body: string, type = 'application/x-ndjson') => {
  const headers = { 'content-type': type, 'idempotency-key': 'a broken bulk' };
  const answer = await fetch(`${tallybook.url}/v1/bulk-transfers`, { method: 'POST', headers, body });
  return { status: answer.status, body: (await answer.json()) as Body };
};

describe('every route of the OpenAPI document', () => {
  test('answers whatever it is sent in time, with what it says that it answers, and never 500', async () => {
    const document = (await http.get('/openapi.json')).body as OpenApi;
    const routes = routesOf(document);
    expect(routes.length).toBeGreaterThan(40);
    const faults: string[] = [];
    const met: Record<string, number> = {};
    await http.post('/v1/accounts', { id: 'steady', owner: 'steady', currency: 'EUR' });
    for (const [index, route] of routes.entries()) {
      const requests = requestsOf(route, { schemas: document.components.schemas, ids });
      const some = fc.sample(requests, { numRuns: runs(15), seed: seed + index });
      const fuzzed = some.map(async (request) => {
        const { status, fault } = await sent(request, route);
        met[status] = (met[status] ?? 0) + 1;
        if (fault !== undefined) faults.push(`${fault}: ${JSON.stringify(request).slice(0, 2_000)}`);
      });
      const known = knownRequests(`${index}`).map(async ([wanted, request, of]) => {
        const documented = routes.find(({ method, path }) => method === request.method && path === of);
        const { status, fault } = await sent(request, documented!);
        if (fault !== undefined || status !== wanted)
          faults.push(`${status} for ${wanted}, ${fault}: ${JSON.stringify(request)}`);
      });
      await Promise.all([...fuzzed, ...known]);
    }
    expect(faults, `FUZZ_SEED=${seed}`).toEqual([]);
    // What is fuzzed is not all garbage, and not all turned away. Chance alone hardly brings about 201 and 422.
    for (const status of [200, 400, 404])
      expect(met[status], `FUZZ_SEED=${seed} ${JSON.stringify(met)}`).toBeGreaterThan(0);
    expect((await http.get('/readyz')).status).toBe(200);
  }, 300_000);
});

/**
 * Requests with the statuses that they are answered, and their paths in the document. They go in between those that are
 * fuzzed, which name none of their accounts and must make no difference to them.
 */
function knownRequests(key: string): (readonly [status: number, FuzzedRequest, path: string])[] {
  const [into, outOf] = ['/v1/deposits', '/v1/withdrawals'];
  const post = (path: string, amount: string): FuzzedRequest => ({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', 'idempotency-key': `known ${key} ${path} ${amount}` },
    body: JSON.stringify({ account: 'steady', amount, currency: 'EUR' }),
  });
  const get = { method: 'GET', headers: {} };
  return [
    [201, post(into, '1'), into],
    [422, post(outOf, '1000000'), outOf],
    [400, post(into, '-1'), into],
    [200, { ...get, path: '/v1/accounts/steady' }, '/v1/accounts/{id}'],
    [404, { ...get, path: '/v1/accounts/stranger' }, '/v1/accounts/{id}'],
  ];
}

/** What is wrong with the answer to a request. */
async function sent(
  { method, path, headers, body }: FuzzedRequest,
  { statuses }: Route,
): Promise<{ status: number; fault?: string }> {
  const signal = AbortSignal.timeout(HANG_MS);
  const init = { method, headers, signal, ...(body === undefined ? {} : { body }) };
  const answer = await fetch(`${tallybook.url}${path}`, init).catch((error: unknown) => String(error));
  if (typeof answer === 'string') return { status: 0, fault: answer };
  const { status } = answer;
  // A live stream does not end.
  if (answer.headers.get('content-type') === 'text/event-stream') {
    await answer.body?.cancel();
    return { status };
  }
  const text = await answer.text();
  const fault = violationOf(answer, { text, statuses });
  return { status, ...(fault === undefined ? {} : { fault: `${fault} ${text.slice(0, 500)}` }) };
}

function violationOf(
  { status, headers }: Response,
  { text, statuses }: { text: string; statuses: readonly string[] },
): string | undefined {
  if (status === 500) return 'It is a bug';
  if (status < 400) return statuses.includes(String(status)) ? undefined : `${status} is not documented`;
  if (headers.get('content-type') !== 'application/problem+json') return `${status} is no problem details`;
  const { code = '' } = JSON.parse(text) as { code?: string };
  if (!isProblemCode(code) || PROBLEMS[code].status !== status) return `${status} with the code ${code}`;
  if (status === 503 && headers.get('retry-after') === null) return '503 without Retry-After';
  // A path that is another one, as written, has another route's problems.
  const elsewhere = code === 'route_not_found' || code === 'method_not_allowed';
  return elsewhere || statuses.includes(String(status)) ? undefined : `${status} is not documented`;
}

describe('text of every kind is refused, or is everywhere what it was', () => {
  const TEXTS = {
    combining: 'e\u0301 and \u00e9',
    'right to left': '\u202e\u0645\u0631\u062d\u0628\u0627 \u05e9',
    family: '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
    'as long as may be': '\u{1d49c}'.repeat(127),
    'no character': '\uffff\ufdd0\u{10ffff}',
    separators: 'a\u2028b\u2029c\u00a0d\ufeff',
    'a formula': '=HYPERLINK("x")',
    'commas and quotes': 'a,"b";c',
    escapes: '\\u0000 %00 \\ud800 &lt;',
    sql: "'; DROP TABLE accounts; --",
    subjects: '$JS.API.* > a.b',
    'name of a member': '__proto__',
  };
  test.each(Object.entries(TEXTS))('%s', async (name, text) => {
    const metadata = { text, constructor: text, toString: text, 'a.b': text, hasOwnProperty: '' };
    const made = await deposit({ reference: text, metadata }, `text ${name}`);
    expect([made.status, made.body.reference, made.body.metadata]).toEqual([201, text, metadata]);
    const { id } = made.body as { id: string };
    const position = made.headers.get('ledger-position');
    const get = (path: string): Promise<Reply> =>
      http.get(`${path}${path.includes('?') ? '&' : '?'}min_position=${position}`);
    expect((await get(`/v1/transfers/${id}`)).body).toMatchObject({ reference: text, metadata });
    const wanted = encodeURIComponent(text);
    for (const filter of [`reference=${wanted}`, `metadata.text=${wanted}&metadata.constructor=${wanted}`]) {
      const found = (await get(`/v1/transfers?account=texts&${filter}`)).body.data as Body[];
      expect(found.map((one) => [one['id'], one['metadata']])).toEqual([[id, metadata]]);
    }
    const events = (await http.get(`/v1/events?account=texts&after=${Number(position) - 3}`)).body
      .data as Body[];
    expect(events.length).toBeGreaterThan(0);
    const rows = await http.get(`/v1/accounts/texts/statement?limit=500&min_position=${position}`, {
      accept: 'text/csv',
    });
    const cell = (/^[=+\-@]/.test(text) ? `'${text}` : text).replaceAll('"', '""');
    expect(rows.body).toContain(/[",]/.test(text) ? `"${cell}"` : cell);
    const again = await deposit({ reference: text, metadata }, `text ${name}`);
    expect([again.status, again.body]).toEqual([201, made.body]);
  });

  test('what is no text, or would not survive, is refused, and the key stays free', async () => {
    for (const text of ['\ud800', 'a\udc00', '\0', 'a\0b']) {
      for (const more of [{ reference: text }, { metadata: { text } }, { metadata: { [`k${text}`]: 'v' } }]) {
        const reply = await deposit(more, 'no text');
        expect([reply.status, reply.body.code]).toEqual([400, 'invalid_request']);
      }
    }
    for (const text of ['a\r\nb', '\u0085', '\u001b[2J', '\t']) {
      expect((await deposit({ reference: text }, 'no text')).status).toBe(400);
    }
    const members = [
      '"metadata":{"__proto__":"x"}',
      '"metadata":{"\\u005f_prot\\u006f__":"x"}',
      '"__proto__":{"amount":"9"}',
      '"constructor":{}',
    ];
    for (const member of members) {
      const reply = await fetch(`${tallybook.url}/v1/deposits`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'no text' },
        body: `{"account":"alice","amount":"1","currency":"EUR",${member}}`,
      });
      expect([reply.status, ((await reply.json()) as Body)['code']]).toEqual([400, 'invalid_request']);
    }
    const first = await deposit({ reference: 'text' }, 'no text');
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null]);
  });

  test('on NATS too: a subject has the id and nothing of the text', async () => {
    const nc = await connect({ servers: `nats://127.0.0.1:${tallybook.natsPort}` });
    const heard: { subject: string; data: Body }[] = [];
    nc.subscribe('ledger.main.transfer.>', {
      callback: (_, message) => void heard.push({ subject: message.subject, data: message.json() }),
    });
    await nc.flush();
    const text = 'a.b.*.> \u{1f600}\u0301';
    const { body } = await deposit({ reference: text, metadata: { text } }, 'heard');
    await expect.poll(() => heard.length).toBe(1);
    expect(heard[0]!.subject).toBe(`ledger.main.transfer.${body.id}.completed`);
    expect(heard[0]!.data).toMatchObject({ reference: text, metadata: { text } });
    await nc.close();
  });
});

describe('bodies', () => {
  const line = JSON.stringify({
    source: 'alice',
    destination: 'bob',
    amount: '1',
    currency: 'EUR',
    reference: 'broken',
  });
  test('a bulk with a broken line in the middle: the line is named, and nothing is done', async () => {
    const lines = Array.from({ length: 999 }, () => line);
    for (const broken of [
      '{"source":',
      '[]',
      '',
      line.replace('"1"', '1'),
      '\ufeff{}',
      '['.repeat(100_000),
    ]) {
      const { status, body } = await bulk([...lines.slice(0, 499), broken, ...lines.slice(499)].join('\n'));
      expect([status, body['code']]).toEqual([400, 'invalid_request']);
      expect((body['errors'] as { path: string }[])[0]?.path).toMatch(/^line 500(\.|$)/);
    }
    const done = await http.get(`/v1/transfers?reference=broken&min_position=${await lastPosition()}`);
    expect([done.status, done.body.data]).toEqual([200, []]);
    // Nor has it used the key.
    expect((await bulk(line)).status).toBe(202);
  });

  test('as large as they may be, many at once, and larger: refused, and the memory is given back', async () => {
    const memory = async () =>
      samplesOf((await http.get('/metrics')).body as string)['process_resident_memory_bytes'] ?? NaN;
    const before = await memory();
    const much = `${line}\n`.repeat(9_999);
    const full = `${much}${'x'.repeat(15 * 1024 * 1024 - much.length)}`;
    const statuses = await Promise.all(
      Array.from(
        { length: 12 },
        async (_, index) => (await bulk(index % 3 === 0 ? `${full}${full}` : full)).status,
      ),
    );
    expect(new Set(statuses)).toEqual(new Set([400, 413]));
    expect(await memory()).toBeLessThan(before + 1_000 * 1024 * 1024);
    expect((await http.get('/healthz')).status).toBe(200);
  });
});

describe('crowds', () => {
  test('two thousand connections that do nothing, or not enough, keep nobody from being served', async () => {
    const port = Number(new URL(tallybook.url).port);
    const bytes = [
      '',
      'GET /healthz HTTP/1.1\r\nHost: a\r\n',
      'POST /v1/deposits HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{',
    ];
    const crowd = await openMany(port, 2_000, (index) => bytes[index % 3]!);
    try {
      const health = await http.get('/healthz');
      expect([health.status, health.body]).toEqual([200, { status: 'ok' }]);
      const made = await http.post('/v1/deposits', { account: 'alice', amount: '1', currency: 'EUR' });
      expect(made.status).toBe(201);
    } finally {
      for (const socket of crowd) socket.destroy();
    }
  });

  test('a flood of queries and commands is answered, or told to come again; health stays up', async () => {
    // Accounts of its own: what is fuzzed may have frozen the others, or spent all that they had.
    for (const id of ['rich', 'poor']) {
      expect((await http.post('/v1/accounts', { id, owner: id, currency: 'EUR' })).status).toBe(201);
    }
    const money = { account: 'rich', amount: '100000', currency: 'EUR' };
    expect((await http.post('/v1/deposits', money)).status).toBe(201);
    const ask = (index: number) =>
      index % 4 === 0
        ? http.post('/v1/transfers', { source: 'rich', destination: 'poor', amount: '1', currency: 'EUR' })
        : http.get('/v1/transfers?limit=5');
    const flood = Array.from({ length: 2_500 }, (_, index) => ask(index).catch(() => undefined));
    const health = Array.from({ length: 20 }, async (_, turn) => {
      await sleep(turn * 100);
      return (await http.get('/healthz')).status;
    });
    const [answers, healthy] = await Promise.all([Promise.all(flood), Promise.all(health)]);
    const replies = answers.filter((reply) => reply !== undefined);
    expect(replies.length).toBeGreaterThan(2_400);
    for (const { status, headers, body } of replies) {
      expect([200, 201, 429, 503], JSON.stringify(body)).toContain(status);
      if (status >= 429) expect(headers.get('retry-after')).toMatch(/^\d+$/);
    }
    expect(new Set(healthy)).toEqual(new Set([200]));
    expect((await http.get('/readyz')).status).toBe(200);
  });
});
