import { describe, expect, it } from 'vitest';
import { csv } from '../../../api/http/csv.ts';
import { account, entry, readStore, testApp } from '../fixtures/fixtures.ts';

const entries = [
  entry(),
  entry({ position: 9, reference: '=HYPERLINK("http://x";"y")', created_at: '2026-11-24T00:00:00.000Z' }),
  entry({ position: 11, reference: 'a "quoted", thing', created_at: '2026-11-25T00:00:00.000Z' }),
];
const { app } = testApp({ readStore: readStore({ accounts: [account()], entries }) });
const path = '/v1/accounts/alice/statement';

describe('a statement', () => {
  it('is a page of entries', async () => {
    const response = await app.request(`${path}?limit=2`);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('vary')).toBe('Accept');
    expect(await response.json()).toEqual({ data: entries.slice(0, 2), next_cursor: '2' });
  });

  it('covers a range of time, the end not included', async () => {
    const range = 'from=2026-11-24T00:00:00.000Z&to=2026-11-25T00:00:00.000Z';
    expect(await (await app.request(`${path}?${range}`)).json()).toEqual({
      data: [entries[1]],
      next_cursor: null,
    });
  });

  it('of a world account that nothing has touched is empty', async () => {
    expect(await (await app.request('/v1/accounts/world_CHF/statement')).json()).toEqual({
      data: [],
      next_cursor: null,
    });
  });

  it('is CSV for who asks for it', async () => {
    const response = await app.request(path, { headers: { accept: 'text/csv' } });
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="statement-alice.csv"');
    expect(response.headers.get('link')).toBeNull();
    expect((await response.text()).split('\r\n')).toEqual([
      'position,created_at,transfer,kind,direction,amount,balance,currency,counterparty,reference,version',
      '7,2026-11-23T08:00:00.000Z,tr_1,transfer,debit,1050,-50,EUR,bob,,2',
      `9,2026-11-24T00:00:00.000Z,tr_1,transfer,debit,1050,-50,EUR,bob,"'=HYPERLINK(""http://x"";""y"")",2`,
      '11,2026-11-25T00:00:00.000Z,tr_1,transfer,debit,1050,-50,EUR,bob,"a ""quoted"", thing",2',
      '',
    ]);
  });

  it('is JSON for everyone else', async () => {
    const types = [
      '*/*',
      'application/json',
      'text/html,*/*;q=0.8',
      'text/csv;q=0.5, application/json',
      'nonsense',
    ];
    for (const accept of types) {
      const response = await app.request(path, { headers: { accept } });
      expect(response.headers.get('content-type')).toBe('application/json');
    }
  });

  it('links to the next page of CSV, with everything else that was asked for', async () => {
    const first = await app.request(`${path}?limit=2&from=2026-01-01T00:00:00Z`, {
      headers: { accept: 'text/csv' },
    });
    const next = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    expect(next).toBe(`${path}?limit=2&from=2026-01-01T00%3A00%3A00Z&cursor=2`);
    const second = await app.request(next, { headers: { accept: 'text/csv' } });
    expect(await second.text()).toMatch(/^position,[^\r]*\r\n11,[^\r]*\r\n$/);
  });

  it('is a problem in JSON even for who wants CSV', async () => {
    const response = await app.request('/v1/accounts/nobody/statement', { headers: { accept: 'text/csv' } });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });
});

describe('comma-separated values', () => {
  it.each([
    ['plain', 'plain'],
    ['', ''],
    [null, ''],
    [-50, '-50'],
    ['-50', '-50'],
    ['-1+2', "'-1+2"],
    ['+1', "'+1"],
    ['@sum', "'@sum"],
    ['\tx', "'\tx"],
    ['a\nb', '"a\nb"'],
    ['a,b', '"a,b"'],
    ['"', '""""'],
  ])('write %j as %s', (value, written) => {
    expect(csv([[value]])).toBe(`${written}\r\n`);
  });
});
