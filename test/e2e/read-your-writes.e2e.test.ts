import { afterAll, beforeAll, expect, test } from 'vitest';
import { readYourWrites } from '../../bench/generator/read-your-writes.ts';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient } from '../support/http/http.ts';

let tallybook: Throwaway;
beforeAll(async () => {
  tallybook = await startThrowaway();
});
afterAll(() => tallybook.remove());

test('64 clients that write and read at once never see the ledger without what they wrote', async () => {
  const http = httpClient(tallybook.url);
  const accounts = Array.from({ length: 64 }, (_, index) => `reader-${index}`);
  await Promise.all(accounts.map((id) => http.post('/v1/accounts', { id, owner: id, currency: 'EUR' })));
  const { perSecond, failures } = await readYourWrites({ url: tallybook.url, accounts, seconds: 4 });
  expect(failures).toEqual({});
  // Each of them got to read many times, so that there was something to see.
  expect(perSecond * 4).toBeGreaterThan(64 * 3);
});
