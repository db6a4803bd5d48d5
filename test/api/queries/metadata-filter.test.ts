/** Lists that are filtered by metadata: what may be asked for, and that it is asked of the read model. */
import { describe, expect, it } from 'vitest';
import { createApp } from '../../../api/app.ts';
import { METADATA_FILTERS_MAX } from '../../../api/queries/metadata-filter.ts';
import { account, hold, readStore, testApp, transfer, untouchable } from '../fixtures/fixtures.ts';

const written = [
  { id: 'one', metadata: { order: '42', channel: 'web' } },
  { id: 'two', metadata: { order: '43', channel: 'web', 'a.b-c_d': 'x=y&z' } },
  { id: 'three', metadata: { order: '' } },
];
const { app } = testApp({
  readStore: readStore({
    accounts: written.map(account),
    transfers: written.map(transfer),
    holds: written.map(hold),
  }),
});

async function ids(path: string): Promise<string[]> {
  const response = await app.request(path);
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

describe.each(['/v1/transfers', '/v1/accounts', '/v1/holds'])('GET %s', (path) => {
  it.each([
    ['metadata.channel=web', ['one', 'two']],
    ['metadata.channel=web&metadata.order=43', ['two']],
    ['metadata.order=', ['three']],
    ['metadata.a.b-c_d=x%3Dy%26z', ['two']],
    ['metadata.order=44', []],
    ['limit=1&metadata.nobody=web', []],
  ])('gives what has all the values: ?%s', async (query, expected) => {
    expect(await ids(`${path}?${query}`)).toEqual(expected);
  });

  it('takes a parameter that only looks like one for what it is: none', async () => {
    expect(await ids(`${path}?metadata=web&metadatax.order=42`)).toHaveLength(3);
  });

  it.each([
    ['metadata.=web', 'metadata.'],
    ['metadata._order=42', 'metadata._order'],
    ['metadata.__proto__=42', 'metadata.__proto__'],
    [`metadata.${'k'.repeat(65)}=42`, `metadata.${'k'.repeat(65)}`],
    ['metadata.or%20der=42', 'metadata.or der'],
    [`metadata.order=${'v'.repeat(501)}`, 'metadata.order'],
    ['metadata.order=%00', 'metadata.order'],
    ['metadata.order=42&metadata.order=43', 'metadata.order'],
    [Array.from({ length: METADATA_FILTERS_MAX + 1 }, (_, n) => `metadata.k${n}=v`).join('&'), 'metadata'],
  ])('refuses what no metadata can have, before anything is asked: ?%s', async (query, at) => {
    const { deps, touched } = untouchable();
    const response = await createApp(deps).request(`${path}?${query}`);
    expect(response.status).toBe(400);
    const problem: unknown = await response.json();
    expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ path: at }] });
    expect(touched).toEqual([]);
  });
});
