import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient } from '../support/http/http.ts';
import { startExample, type Example } from '../support/processes/example-process.ts';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
beforeAll(async () => {
  tallybook = await startThrowaway();
  http = httpClient(tallybook.url);
  await http.post('/v1/accounts', { id: 'alice', owner: 'alice', currency: 'EUR' });
  await http.post('/v1/accounts', { id: 'bob', owner: 'bob', currency: 'EUR' });
  await http.post('/v1/deposits', { account: 'alice', amount: '1000', currency: 'EUR' });
});
afterAll(() => tallybook.remove());

async function startAndWait(name: string, args: string[], ready: string): Promise<Example> {
  const example = startExample(tallybook, name, args);
  await expect.poll(example.output, { timeout: 20_000 }).toContain(ready);
  return example;
}

const pay = (amount: number) =>
  http.post('/v1/transfers', { source: 'alice', destination: 'bob', amount: `${amount}`, currency: 'EUR' });

test('the live feed prints each fact of a transfer, with its position and the balance after it', async () => {
  const feed = await startAndWait('live-feed', [], 'Listening');
  const position = Number((await pay(5)).headers.get('ledger-position'));
  await expect.poll(feed.output, { timeout: 10_000 }).toContain('TransferCompleted');
  const lines = feed
    .output()
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/).slice(0, 2));
  expect(lines).toEqual([
    [`${position - 2}`, 'MoneyWithdrawn'],
    [`${position - 1}`, 'MoneyDeposited'],
    [`${position}`, 'TransferCompleted'],
  ]);
  expect(await feed.kill('SIGINT')).toBe(0);
});

test('the notifier misses none and repeats none, however it is stopped and started again', async () => {
  const file = join(tallybook.dataDir, 'notifications.ndjson');
  const notifications = async () =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as { position: number; text: string });
  const expected: number[] = [];
  let notifier = await startAndWait('notifier', [file], 'Writing');
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL'] as const) {
    for (let index = 0; index < 5; index++) {
      expected.push(Number((await pay(1)).headers.get('ledger-position')));
    }
    await notifier.kill(signal);
    // What happens while it is away is not missed; half a line, as a crash leaves it, is not kept.
    expected.push(Number((await pay(1)).headers.get('ledger-position')));
    if (signal === 'SIGKILL') await appendFile(file, '{"position":');
    notifier = await startAndWait('notifier', [file], 'Writing');
  }
  const all = (await http.get('/v1/events?type=ledger.TransferCompleted.v1&limit=500')).body.data as {
    position: number;
  }[];
  await expect.poll(async () => (await notifications()).length, { timeout: 40_000 }).toBe(all.length);
  expect((await notifications()).map(({ position }) => position)).toEqual(
    all.map(({ position }) => position),
  );
  expect(all.map(({ position }) => position)).toEqual(expect.arrayContaining(expected));
  expect(await notifier.kill('SIGINT')).toBe(0);
});
