/** Bulks through the whole of Tallybook: uploaded over HTTP, cut off by a restart, and read back everywhere. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BulkOutcome, BulkResource } from '../../contracts/bulks.ts';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient, type Reply } from '../support/http/http.ts';

const LINES = 10_000;

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
beforeAll(async () => {
  tallybook = await startThrowaway();
  http = httpClient(tallybook.url);
  for (const id of ['payroll', 'alice', 'bob']) {
    await http.post('/v1/accounts', { id, owner: id, currency: 'EUR' });
  }
  await http.post('/v1/deposits', { account: 'payroll', amount: String(LINES), currency: 'EUR' });
});
afterAll(() => tallybook.remove());

const line = (index: number) => ({
  id: `salary-${index}`,
  source: 'payroll',
  destination: index % 4 === 0 ? 'alice' : 'bob',
  amount: '1',
  currency: 'EUR',
});

/** One JSON document a line, as a file that somebody uploads. */
const file = Array.from({ length: LINES }, (_, index) => `${JSON.stringify(line(index))}\n`).join('');

async function upload(text: string, key: string): Promise<Reply> {
  const answer = await fetch(`${tallybook.url}/v1/bulk-transfers`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': key },
    body: text,
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json(), milliseconds: 0 };
}

const bulkAt = async (location: string) => (await http.get(location)).body as BulkResource;

async function outcomesOf(location: string): Promise<BulkOutcome[]> {
  const found: BulkOutcome[] = [];
  for (let cursor = ''; ;) {
    const { body } = await http.get(`${location}/results?limit=500${cursor}`);
    found.push(...body.data);
    if (body.next_cursor === null) return found;
    cursor = `&cursor=${body.next_cursor}`;
  }
}

describe('a bulk of ten thousand lines', () => {
  test('that is cut off by a restart goes on, repeats nothing, and reads the same everywhere', async () => {
    const taken = await upload(file, 'payday');
    expect([taken.status, taken.body.total]).toEqual([202, LINES]);
    const location = taken.headers.get('location') ?? '';
    await expect.poll(async () => (await bulkAt(location)).done, { interval: 20 }).toBeGreaterThan(0);
    expect(await tallybook.stop()).toBe(0);
    await tallybook.startAgain();
    expect((await bulkAt(location)).done).toBeGreaterThan(0);
    await expect
      .poll(async () => (await bulkAt(location)).status, { interval: 50, timeout: 60_000 })
      .toBe('completed');
    const bulk = await bulkAt(location);
    expect(bulk).toMatchObject({ done: LINES, posted: LINES, rejected: 0, failed: 0 });

    const outcomes = await outcomesOf(location);
    expect(outcomes.map(({ id, status }) => `${id} ${status}`)).toEqual(
      Array.from({ length: LINES }, (_, index) => `salary-${index} posted`),
    );
    expect(new Set(outcomes.map(({ transfer }) => transfer)).size).toBe(LINES);
    const balance = async (account: string) => {
      const path = `/v1/accounts/${account}?min_position=${bulk.position}`;
      return (await http.get(path)).body.balances.posted as string;
    };
    expect(await Promise.all(['payroll', 'alice', 'bob'].map(balance))).toEqual(['0', '2500', '7500']);

    const [last] = outcomes.toReversed();
    const transfer = await http.get(`/v1/transfers/${last?.transfer}`);
    const { id, workflow_id } = bulk;
    expect(transfer.body).toMatchObject({ bulk: id, workflow_id, status: 'posted', kind: 'transfer' });
    const listed = await http.get(`/v1/transfers?bulk=${id}&limit=500`);
    expect(listed.body.data).toHaveLength(500);

    const again = await upload(file, 'payday');
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
    expect(again.body).toEqual(taken.body);
    const other = await upload(file.replace('salary-7"', 'salary-seven"'), 'payday');
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  test('does not keep others from their answers', async () => {
    const backwards = file.replaceAll('"payroll"', '"nobody"').replaceAll('"alice"', '"payroll"');
    const taken = await upload(backwards, 'others');
    const location = taken.headers.get('location') ?? '';
    const moved = [];
    for (let running = true; running;) {
      const one = { source: 'alice', destination: 'bob', amount: '1', currency: 'EUR' };
      const answer = await http.post('/v1/transfers', one);
      moved.push(answer.status);
      running = (await bulkAt(location)).status === 'running';
    }
    expect(moved.length).toBeGreaterThan(2);
    expect(new Set(moved)).toEqual(new Set([201]));
    expect(await bulkAt(location)).toMatchObject({ done: LINES, failed: LINES });
  });
});

describe('an upload that is not taken', () => {
  test('because one line in the middle is broken leaves nothing, and its key free', async () => {
    const lines = file.split('\n');
    const broken = await upload(lines.with(5_000, '{"source": "payroll",').join('\n'), 'broken');
    expect([broken.status, broken.body.errors]).toEqual([
      400,
      [{ path: 'line 5001', message: 'must be valid JSON' }],
    ]);
    const mended = await upload(lines[0] ?? '', 'broken');
    expect([mended.status, mended.headers.get('idempotency-replayed')]).toEqual([202, null]);
  });

  test('because it has more than 16 MB is told so', async () => {
    const answer = await upload(file.repeat(20), 'large');
    expect([answer.status, answer.body.code]).toEqual([413, 'payload_too_large']);
  });
});
