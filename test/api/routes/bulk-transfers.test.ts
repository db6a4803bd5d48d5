/** Bulks over HTTP: what is taken on, what is refused, and how the outcomes are paged. */
import { describe, expect, it, test } from 'vitest';
import { idempotencyKey } from '../../../api/commands/idempotency.ts';
import { NOW, post, testApp } from '../fixtures/fixtures.ts';
import { bulkOfTen, memoryBulks } from '../fixtures/memory-bulks.ts';
import { codeOf, KEY, problemOf, transfer } from '../fixtures/rejected.ts';

const PATH = '/v1/bulk-transfers';
const ndjson = (text: string, headers: Record<string, string> = KEY): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-ndjson', ...headers },
  body: text,
});
const rows = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const errorsOf = async (init: RequestInit) => (await problemOf(PATH, init)).problem.errors;

const { bulkId } = idempotencyKey('order-42');
const lines = [{ ...transfer, id: 'first' }, transfer, { ...transfer, reference: 'r', metadata: { a: 'b' } }];

describe('POST', () => {
  test('takes a bulk on: 202, where it is, and nothing done yet; each line has a transfer of its own', async () => {
    const bulks = memoryBulks();
    const response = await testApp({ bulks }).app.request(PATH, post({ transfers: lines }, KEY));
    expect([response.status, response.headers.get('location')]).toEqual([202, `${PATH}/${bulkId}`]);
    expect(response.headers.get('idempotency-replayed')).toBeNull();
    expect(await response.json()).toEqual({
      id: bulkId,
      status: 'running',
      total: 3,
      done: 0,
      posted: 0,
      rejected: 0,
      failed: 0,
      created_at: NOW.toISOString(),
      workflow_id: `bulk/${bulkId}`,
    });
    const stored = bulks.stored.get(bulkId);
    expect(stored?.lines).toMatchObject(lines);
    expect(new Set(stored?.lines.map((line) => line.transfer)).size).toBe(3);
    expect(stored?.manifest.meta).toMatchObject({ actor: 'anonymous', requested_at: NOW.toISOString() });
    expect(bulks.started).toEqual([{ id: bulkId, chunks: 1 }]);
  });

  it.each(['', 'respond-async', 'wait=5'])('answers the same to Prefer: %s', async (prefer) => {
    const response = await testApp().app.request(PATH, post({ transfers: lines }, { ...KEY, prefer }));
    expect([response.status, response.headers.get('preference-applied')]).toEqual([202, null]);
  });

  it.each([
    ['with a line break at the end', rows(lines)],
    ['without one', rows(lines).trimEnd()],
    ['with the line breaks of Windows', rows(lines).replaceAll('\n', '\r\n')],
  ])('takes NDJSON %s for the same request as JSON', async (_, text) => {
    const bulks = memoryBulks();
    const { app } = testApp({ bulks });
    const first = await app.request(PATH, post({ transfers: lines }, KEY));
    const again = await app.request(PATH, ndjson(text));
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(await again.json()).toEqual(await first.json());
    // Whether the first start arrived, nobody knows: starting is safe.
    expect(bulks.started).toHaveLength(2);
  });

  test('refuses a key that stands for another bulk, and leaves that one alone', async () => {
    const bulks = memoryBulks();
    const { app } = testApp({ bulks });
    await app.request(PATH, post({ transfers: lines }, KEY));
    for (const other of [lines.toReversed(), lines.slice(1), [...lines, transfer]]) {
      const response = await app.request(PATH, post({ transfers: other }, KEY));
      const { code } = (await response.json()) as { code: string };
      expect([response.status, code]).toEqual([422, 'idempotency_key_reused']);
    }
    expect(bulks.stored.get(bulkId)?.lines).toHaveLength(3);
    expect(bulks.started).toHaveLength(1);
  });

  test('takes 10,000 lines, and not one more', async () => {
    const most = Array.from({ length: 10_000 }, () => transfer);
    for (const request of [post({ transfers: most }, KEY), ndjson(rows(most))]) {
      expect((await testApp().app.request(PATH, request)).status).toBe(202);
    }
    const more = [...most, transfer];
    expect(await errorsOf(post({ transfers: more }, KEY))).toEqual([
      { path: 'transfers', message: expect.stringContaining('10000') },
    ]);
    expect(await errorsOf(ndjson(rows(more)))).toEqual([{ path: '', message: 'must have 1 to 10000 lines' }]);
  });
});

describe('a body that is not valid is refused whole', () => {
  const many = Array.from({ length: 30 }, () => transfer as Record<string, unknown>);
  const withOne = (index: number, line: object) => many.with(index, { ...transfer, ...line });

  it.each([
    ['no lines', { transfers: [] }, 'transfers'],
    ['no list', { transfers: lines[0] }, 'transfers'],
    ['nothing', {}, 'transfers'],
    ['an array', lines, ''],
    ['a field too many', { transfers: lines, more: 1 }, 'more'],
    ['an amount that is a number', { transfers: withOne(17, { amount: 5 }) }, 'transfers.17.amount'],
    ['an unknown field', { transfers: withOne(3, { approval: {} }) }, 'transfers.3.approval'],
    ['a date', { transfers: withOne(4, { scheduled_for: NOW }) }, 'transfers.4.scheduled_for'],
    ['an id that is none', { transfers: withOne(5, { id: 'a.b' }) }, 'transfers.5.id'],
    ['a line that is no object', { transfers: many.with(6, null as never) }, 'transfers.6'],
  ])('JSON with %s', async (_, body, path) => {
    expect(await errorsOf(post(body, KEY))).toEqual([{ path, message: expect.any(String) }]);
  });

  it.each([
    ['that is broken', rows(many.slice(0, 17)) + '{"source":\n' + rows(many), 'line 18'],
    ['that is empty', rows(many.slice(0, 2)) + '\n' + rows(many), 'line 3'],
    ['with a wrong amount', rows(withOne(17, { amount: '0' })), 'line 18.amount'],
    ['that is no object', rows(many) + '7\n', 'line 31'],
  ])('NDJSON with a line %s', async (_, text, path) => {
    expect(await errorsOf(ndjson(text))).toEqual([{ path, message: expect.any(String) }]);
  });

  test('because two lines have the same id', async () => {
    const twins = [{ ...transfer, id: 'a' }, transfer, { ...transfer, id: 'a' }];
    expect(await errorsOf(post({ transfers: twins }, KEY))).toEqual([
      { path: 'transfers.2.id', message: 'must be unique: transfers.0 has the same id' },
    ]);
    expect(await errorsOf(ndjson(rows(twins)))).toEqual([
      { path: 'line 3.id', message: 'must be unique: line 1 has the same id' },
    ]);
  });

  test('and names at most 20 mistakes', async () => {
    const wrong = Array.from({ length: 5_000 }, () => ({ ...transfer, amount: '-1', source: '*' }));
    expect(await errorsOf(post({ transfers: wrong }, KEY))).toHaveLength(20);
  });

  test('NDJSON without lines', async () => {
    expect(await errorsOf(ndjson(''))).toEqual([{ path: '', message: 'must have 1 to 10000 lines' }]);
    expect(await errorsOf(ndjson('\n'))).toEqual([{ path: 'line 1', message: 'must be valid JSON' }]);
  });

  test('because it has no key', async () => {
    expect(await codeOf(PATH, post({ transfers: lines }))).toBe('idempotency_key_missing');
    expect(await codeOf(PATH, ndjson(rows(lines), {}))).toBe('idempotency_key_missing');
  });

  it.each(['text/csv', 'application/x-ndjson-2', 'multipart/form-data', ''])('as %s', async (type) => {
    const { problem } = await problemOf(PATH, post({ transfers: lines }, { ...KEY, 'content-type': type }));
    expect(problem.code).toBe('unsupported_media_type');
    expect(problem.detail).toContain('application/x-ndjson');
  });

  test('because it has more than 16 MB, with its length declared or not', async () => {
    const long = rows(Array.from({ length: 20 }, () => ({ ...transfer, reference: 'x'.repeat(1_000_000) })));
    expect(await codeOf(PATH, ndjson(long, { ...KEY, 'content-length': `${long.length}` }))).toBe(
      'payload_too_large',
    );
    const chunks = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(long));
        controller.close();
      },
    });
    const streamed = { ...ndjson(''), body: chunks, duplex: 'half' } as RequestInit;
    expect(await codeOf(PATH, streamed)).toBe('payload_too_large');
  });

  test('but not because it has more than other routes take', async () => {
    const long = Array.from({ length: 9_000 }, () => ({ ...transfer, reference: 'é'.repeat(255) }));
    const response = await testApp().app.request(PATH, post({ transfers: long }, KEY));
    expect(response.status).toBe(202);
  });
});

type BulkOptions = Parameters<typeof bulkOfTen>[1];

function tenLines(known: number, given: BulkOptions = {}) {
  const bulks = bulkOfTen(known, given);
  const { app } = testApp({ bulks });
  const get = async (path: string) => {
    const response = await app.request(`${PATH}/bulk_1${path}`);
    return { response, body: (await response.json()) as Record<string, unknown> };
  };
  return { get, bulks };
}

describe('GET', () => {
  test('tells how far it is, and the position that shows that', async () => {
    const { response, body } = await tenLines(2).get('');
    expect(body).toMatchObject({ status: 'running', total: 10, done: 8, posted: 8, position: 24 });
    expect(body).not.toHaveProperty('completed_at');
    expect([response.headers.get('ledger-position'), response.headers.get('retry-after')]).toEqual([
      '24',
      '1',
    ]);
  });

  test('tells that it is completed without asking for its workflow, which may be forgotten', async () => {
    const { response, body } = await tenLines(3, { state: 'unknown' }).get('');
    expect(body).toMatchObject({ status: 'completed', done: 10, completed_at: NOW.toISOString() });
    expect(response.headers.get('retry-after')).toBeNull();
  });

  test('starts a bulk that was stored, but never started', async () => {
    const { get, bulks } = tenLines(0, { state: 'unknown', age: 60_000 });
    expect((await get('')).body).toMatchObject({ status: 'running', done: 0 });
    expect(bulks.started).toEqual([{ id: 'bulk_1', chunks: 3 }]);
  });

  it.each([
    ['has been stopped', tenLines(1, { state: 'stopped' })],
    ['was stopped and forgotten', tenLines(1, { state: 'unknown' })],
    ['was perhaps stopped before its first line', tenLines(0, { state: 'unknown', age: 4_000_000 })],
  ])('does not start one again that %s', async (_, { get, bulks }) => {
    expect((await get('')).body).toMatchObject({ status: 'stopped' });
    expect(bulks.started).toEqual([]);
  });

  test('of a bulk that is not there', async () => {
    const { app } = testApp();
    for (const path of [`${PATH}/bulk_2`, `${PATH}/bulk_2/results`]) {
      const response = await app.request(path);
      const { code } = (await response.json()) as { code: string };
      expect([response.status, code]).toEqual([404, 'bulk_not_found']);
    }
    for (const path of ['/a.b', '/*', '/a.b/results']) {
      expect(await codeOf(`${PATH}${path}`)).toBe('invalid_request');
    }
  });
});

/** The numbers of the lines, page by page, until there is no cursor or nothing new. */
async function pages(known: number, limit: number) {
  const { get } = tenLines(known);
  const found: number[][] = [];
  for (let cursor = ''; ;) {
    const { body } = await get(`/results?limit=${limit}${cursor}`);
    const data = body['data'] as { line: number }[];
    found.push(data.map(({ line }) => line));
    const next = body['next_cursor'] as string | null;
    if (next === null) return { found, open: false };
    if (data.length === 0) return { found, open: true };
    cursor = `&cursor=${next}`;
  }
}

describe('GET results', () => {
  it.each([1, 2, 3, 4, 5, 8, 9, 10, 500])('by %i gives every line once, in order', async (limit) => {
    const { found, open } = await pages(3, limit);
    expect(found.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(open).toBe(false);
    for (const page of found) expect(page.length).toBeLessThanOrEqual(limit);
    for (const page of found.slice(0, -1)) expect(page).toHaveLength(limit);
  });

  it.each([3, 500])('by %i of a bulk that runs leaves the cursor where it is', async (limit) => {
    const { found, open } = await pages(2, limit);
    expect(found.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect([open, found.at(-1)]).toEqual([true, []]);
  });

  it.each(['x', '', 'MA', 'MTE', 'LTE', '%00'])('refuses the cursor %s', async (cursor) => {
    const { response, body } = await tenLines(3).get(`/results?cursor=${cursor}`);
    expect([response.status, body['code']]).toEqual([400, 'invalid_cursor']);
  });

  it.each(['limit=0', 'limit=501', 'limit=x'])('refuses ?%s', async (query) => {
    expect(await codeOf(`${PATH}/bulk_1/results?${query}`)).toBe('invalid_request');
  });
});

describe('the ids of transfers', () => {
  const first = idempotencyKey('a');
  test('are the same for the same key and line, and differ otherwise', () => {
    const ids = [
      first.lineTransferId({ number: 1 }),
      first.lineTransferId({ number: 2 }),
      first.lineTransferId({ id: '1' }),
      idempotencyKey('b').lineTransferId({ number: 1 }),
      first.transferId,
    ];
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^tr_[0-9a-f]{32}$/);
    expect(idempotencyKey('a').lineTransferId({ number: 1 })).toBe(ids[0]);
  });
});
