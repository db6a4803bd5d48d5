import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient } from '../support/http/http.ts';
import { followLive } from '../support/http/live-client.ts';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
beforeAll(async () => {
  tallybook = await startThrowaway();
  http = httpClient(tallybook.url);
  for (const id of ['alice', 'bob']) await http.post('/v1/accounts', { id, owner: id, currency: 'EUR' });
  await http.post('/v1/deposits', { account: 'alice', amount: '1000', currency: 'EUR' });
});
afterAll(() => tallybook.remove());

const pay = async () => {
  const terms = { source: 'alice', destination: 'bob', amount: '1', currency: 'EUR' };
  const { status, headers } = await http.post('/v1/transfers', terms);
  expect(status).toBe(201);
  return Number(headers.get('ledger-position'));
};

/** All published positions, by pages. */
async function pages(query: string): Promise<number[]> {
  const found: number[] = [];
  for (let cursor = ''; ;) {
    const { body } = await http.get(`/v1/events?limit=500${query}${cursor}`);
    found.push(...body.data.map(({ position }: { position: number }) => position));
    if (body.next_cursor === null) return found;
    cursor = `&cursor=${body.next_cursor}`;
  }
}

test('curl shows what has happened, as docs/live.md says', async () => {
  const url = `${tallybook.url}/v1/events?after=0`;
  // It would go on: the time limit ends it, with a code of its own.
  const script = `curl -sN --max-time 2 -H 'Accept: text/event-stream' '${url}' || true`;
  const lines = execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n');
  expect(lines[0]).toBe('retry: 1000');
  const ids = lines.filter((line) => line.startsWith('id: ')).map((line) => Number(line.slice(4)));
  expect(ids).toEqual(await pages(''));
});

test('clients follow transfers through a restart of everything, without a gap and without a repeat', async () => {
  const url = `${tallybook.url}/v1/events`;
  const all = followLive(url);
  const ofBob = followLive(`${url}?account=bob&type=ledger.MoneyDeposited.v1`);
  await expect.poll(() => all.begun() && ofBob.begun()).toBe(true);
  const before = await pages('');
  const last = before.at(-1) ?? 0;
  for (let count = 0; count < 5; count += 1) await pay();
  const started = performance.now();
  expect(await tallybook.stop()).toBe(0);
  // Ending took no time-out.
  expect(performance.now() - started).toBeLessThan(15_000);
  expect(all.ends().map((data) => JSON.parse(data).reason)).toEqual(['shutdown']);
  await tallybook.startAgain();
  for (let count = 0; count < 5; count += 1) await pay();
  const expected = (await pages('')).filter((position) => position > last);
  expect(expected).toHaveLength(30);
  await expect.poll(() => all.ids().length, { timeout: 20_000 }).toBe(30);
  expect(all.ids()).toEqual(expected);
  const toBob = (await pages('&account=bob&type=ledger.MoneyDeposited.v1')).filter(
    (position) => position > last,
  );
  await expect.poll(() => ofBob.ids().length, { timeout: 20_000 }).toBe(10);
  expect(ofBob.ids()).toEqual(toBob);
  all.stop();
  ofBob.stop();
});
