import { describe, expect, it } from 'vitest';
import { post } from '../fixtures/fixtures.ts';
import {
  account,
  codeOf,
  deposit,
  hold,
  KEY,
  problemOf,
  transaction,
  transfer,
} from '../fixtures/rejected.ts';

describe('a field that is not valid is named, and nothing is reached', () => {
  const amounts = [
    1050,
    -1,
    0,
    10.5,
    null,
    true,
    [],
    {},
    ['1'],
    '0',
    '-1',
    '+1',
    '1.0',
    '1.5',
    '1e3',
    '1E3',
    '0x10',
    '01',
    '',
    ' 1',
    '1 ',
    '1\n',
    '1,000',
    '1_000',
    '١٢',
    'NaN',
    'Infinity',
    '10000000000000000000',
    '9'.repeat(400),
  ];
  it.each(amounts)('amount %j', async (amount) => {
    expect(await wrongFields('/v1/transfers', { ...transfer, amount })).toContain('amount');
    expect(await wrongFields('/v1/deposits', { ...deposit, amount })).toContain('amount');
    expect(await wrongFields('/v1/withdrawals', { ...deposit, amount })).toContain('amount');
    expect(await wrongFields('/v1/holds', { ...hold, amount })).toContain('amount');
    expect(await wrongFields('/v1/holds/hold_1/capture', { amount })).toContain('amount');
    expect(await wrongFields('/v1/transfers/tr_1/reversal', { amount })).toContain('amount');
    expect(await wrongFields('/v1/transactions', withEntry({ amount }))).toContain('entries.0.amount');
  });

  const ids = [
    '',
    '.',
    'a.b',
    '*',
    'a*',
    '>',
    'a>',
    'a b',
    ' a',
    'a ',
    'a\n',
    'a\tb',
    'a\u0000',
    '\u0000',
    'a\u007f',
    'é',
    '_a',
    '-a',
    'a/b',
    '../a',
    'a$b',
    '$JS.API',
    'a\ud800',
    '\udfff',
    '𝒜',
    'x'.repeat(65),
    1,
    null,
    [],
    {},
    true,
  ];
  it.each(ids)('id %j', async (id) => {
    expect(await wrongFields('/v1/transfers', { ...transfer, source: id })).toContain('source');
    expect(await wrongFields('/v1/transfers', { ...transfer, destination: id })).toContain('destination');
    expect(await wrongFields('/v1/deposits', { ...deposit, account: id })).toContain('account');
    expect(await wrongFields('/v1/withdrawals', { ...deposit, rail: id })).toContain('rail');
    expect(await wrongFields('/v1/holds', { ...hold, account: id })).toContain('account');
    expect(await wrongFields('/v1/holds', { ...hold, destination: id })).toContain('destination');
    expect(await wrongFields('/v1/holds/hold_1/capture', { destination: id })).toContain('destination');
    expect(await wrongFields('/v1/transactions', withEntry({ account: id }))).toContain('entries.0.account');
    expect(await wrongFields('/v1/accounts', { ...account, id })).toContain('id');
  });

  it.each(['', 'eur', 'EURO', 'XXQ', 'BTC', 'E', 978, null, ['EUR'], 'EUR ', 'ЕUR'])(
    'currency %j',
    async (currency) => {
      expect(await wrongFields('/v1/transfers', { ...transfer, currency })).toContain('currency');
      expect(await wrongFields('/v1/deposits', { ...deposit, currency })).toContain('currency');
      expect(await wrongFields('/v1/accounts', { ...account, currency })).toContain('currency');
      expect(await wrongFields('/v1/holds', { ...hold, currency })).toContain('currency');
      expect(await wrongFields('/v1/transactions', withEntry({ currency }))).toContain('entries.0.currency');
    },
  );

  it.each(['', 'x'.repeat(256), 'a\u0000b', 'a\nb', 'a\u001bb', '\ud800', 'a\udc00', 7, null, {}])(
    'text %j',
    async (text) => {
      expect(await wrongFields('/v1/accounts', { ...account, owner: text })).toContain('owner');
      expect(await wrongFields('/v1/transfers', { ...transfer, reference: text })).toContain('reference');
      const reason = text === 'x'.repeat(256) ? 'x'.repeat(501) : text;
      for (const path of [
        '/v1/accounts/alice/freeze',
        '/v1/transfers/tr_1/approve',
        '/v1/transfers/tr_1/reject',
        '/v1/transfers/tr_1/cancel',
        '/v1/holds/hold_1/void',
      ]) {
        expect(await wrongFields(path, { reason })).toContain('reason');
      }
    },
  );

  it.each(['-1', '1.5', '01', '9223372036854775808', '9'.repeat(19), 0, null, ''])(
    'overdraft limit %j',
    async (limit) => {
      expect(await wrongFields('/v1/accounts', { ...account, overdraft_limit: limit })).toContain(
        'overdraft_limit',
      );
      expect(await wrongFields('/v1/accounts/alice', { overdraft_limit: limit }, 'PATCH')).toContain(
        'overdraft_limit',
      );
    },
  );

  it.each([0, -1, 1.5, 31_536_001, '60', null, true, [], {}, 1e300])('seconds %j', async (seconds) => {
    expect(
      await wrongFields('/v1/transfers', { ...transfer, approval: { timeout_seconds: seconds } }),
    ).toContain('approval.timeout_seconds');
    for (const [path, body] of [
      ['/v1/holds', hold],
      ['/v1/holds/hold_1/extend', {}],
    ] as const) {
      expect(await wrongFields(path, { ...body, expires_in_seconds: seconds })).toContain(
        'expires_in_seconds',
      );
    }
  });

  it.each([
    'tomorrow',
    '2027-02-30T00:00:00Z',
    '2027-01-01',
    '2027-01-01T00:00:00',
    '2027-01-01T00:00:00+01:00',
    '2036-11-23T08:00:00.001Z',
    '9999-12-31T23:59:59Z',
    '10000-01-01T00:00:00Z',
    '',
    1_800_000_000,
    null,
    {},
  ])('date %j', async (date) => {
    expect(await wrongFields('/v1/transfers', { ...transfer, scheduled_for: date })).toEqual([
      'scheduled_for',
    ]);
  });

  it.each([
    '0',
    '0.0',
    '-1',
    '1,5',
    '.5',
    '1.',
    '01.5',
    '1e3',
    '1.0000000000000000001',
    '',
    1.0825,
    null,
    [],
  ])('rate %j', async (rate) => {
    expect(await wrongFields('/v1/transactions', { ...transaction, rate })).toEqual(['rate']);
  });

  it('a rate that its metadata has no room for', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, 'v']));
    const full = { ...transaction, metadata, rate: '1.5' };
    expect(await wrongFields('/v1/transactions', full)).toEqual(['metadata']);
    const twice = { ...transaction, metadata: { rate: '2' }, rate: '1.5' };
    expect(await wrongFields('/v1/transactions', twice)).toEqual(['metadata.rate']);
  });

  it('entries that are too few, too many, of too many accounts, or no entries', async () => {
    const [one] = transaction.entries;
    for (const entries of [null, {}, 'x', [], [one], Array.from({ length: 501 }, () => one)]) {
      expect(new Set(await wrongFields('/v1/transactions', { entries }))).toEqual(new Set(['entries']));
    }
    const many = Array.from({ length: 101 }, (_, n) => ({ ...one, account: `a${n}` }));
    expect(await wrongFields('/v1/transactions', { entries: many })).toEqual(['entries']);
    expect(await wrongFields('/v1/transactions', { entries: [one, null] })).toEqual(['entries.1']);
    expect(await wrongFields('/v1/transactions', { entries: [one, one, 7, 'x'] })).toEqual([
      'entries.2',
      'entries.3',
    ]);
    for (const direction of ['Debit', '', null, 1, undefined]) {
      expect(await wrongFields('/v1/transactions', withEntry({ direction }))).toEqual([
        'entries.0.direction',
      ]);
    }
    expect(await wrongFields('/v1/transactions', withEntry({ rate: '1' }))).toEqual(['entries.0.rate']);
  });

  it.each([
    [[], 'metadata'],
    ['x', 'metadata'],
    [null, 'metadata'],
    [{ a: 1 }, 'metadata.a'],
    [{ a: null }, 'metadata.a'],
    [{ a: { b: 'c' } }, 'metadata.a'],
    [{ a: 'x'.repeat(501) }, 'metadata.a'],
    [{ a: '\u0000' }, 'metadata.a'],
    [{ a: '\ud800' }, 'metadata.a'],
    [{ 'a b': 'c' }, 'metadata.a b'],
    [{ '': 'c' }, 'metadata.'],
    [Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, 'v'])), 'metadata'],
  ])('metadata %j', async (metadata, path) => {
    expect(await wrongFields('/v1/transfers', { ...transfer, metadata })).toContain(path);
    expect(await wrongFields('/v1/accounts', { ...account, metadata })).toContain(path);
    expect(await wrongFields('/v1/holds', { ...hold, metadata })).toContain(path);
    expect(await wrongFields('/v1/transactions', { ...transaction, metadata })).toContain(path);
    expect(await wrongFields('/v1/transfers/tr_1/reversal', { metadata })).toContain(path);
  });

  it('a field that is missing', async () => {
    for (const field of ['source', 'destination', 'amount', 'currency']) {
      expect(await wrongFields('/v1/transfers', { ...transfer, [field]: undefined })).toContain(field);
    }
    expect(await wrongFields('/v1/accounts', { id: 'alice', currency: 'EUR' })).toContain('owner');
    for (const field of ['account', 'amount', 'currency']) {
      expect(await wrongFields('/v1/holds', { ...hold, [field]: undefined })).toContain(field);
      expect(await wrongFields('/v1/transactions', withEntry({ [field]: undefined }))).toContain(
        `entries.0.${field}`,
      );
    }
    expect(await wrongFields('/v1/transactions', {})).toEqual(['entries']);
    expect(await wrongFields('/v1/transfers', { ...transfer, approval: {} })).toEqual([
      'approval.timeout_seconds',
    ]);
    expect(await wrongFields('/v1/holds/hold_1/extend', {})).toEqual(['expires_in_seconds']);
    expect(await wrongFields('/v1/accounts/alice', {}, 'PATCH')).toEqual(['overdraft_limit']);
  });

  it('a field that is unknown', async () => {
    expect(await wrongFields('/v1/transfers', { ...transfer, ammount: '1' })).toContain('ammount');
    expect(await wrongFields('/v1/accounts', { ...account, balances: {} })).toContain('balances');
    expect(await wrongFields('/v1/accounts/alice/close', { force: true })).toContain('force');
    expect(await wrongFields('/v1/deposits', { ...deposit, rail: 'card' })).toContain('rail');
    expect(await wrongFields('/v1/deposits', { ...deposit, approval: {} })).toContain('approval');
    expect(
      await wrongFields('/v1/transfers', { ...transfer, approval: { timeout_seconds: 1, by: 'x' } }),
    ).toContain('approval.by');
    expect(await wrongFields('/v1/transfers/tr_1/approve', { amount: '1' })).toContain('amount');
    expect(await wrongFields('/v1/transfers/tr_1/reversal', { reason: 'x' })).toContain('reason');
    expect(await wrongFields('/v1/holds', { ...hold, captured: '1' })).toContain('captured');
    expect(await wrongFields('/v1/holds/hold_1/capture', { metadata: {} })).toContain('metadata');
    const renamed = { overdraft_limit: '1', owner: 'Bob' };
    expect(await wrongFields('/v1/accounts/alice', renamed, 'PATCH')).toEqual(['owner']);
    expect(
      await wrongFields('/v1/deposits', '{"account":"a","amount":"1","currency":"EUR","__proto__":{}}'),
    ).toContain('__proto__');
    expect(
      await wrongFields('/v1/deposits', '{"account":"a","amount":"1","currency":"EUR","constructor":1}'),
    ).toContain('constructor');
  });

  it('a world account where none may be', async () => {
    expect(await wrongFields('/v1/accounts', { ...account, id: 'world_EUR' })).toContain('id');
    expect(await wrongFields('/v1/accounts', { ...account, id: 'world_x' })).toContain('id');
    for (const action of ['freeze', 'unfreeze', 'close']) {
      expect(await wrongFields(`/v1/accounts/world_EUR/${action}`, {})).toContain('id');
    }
    expect(await wrongFields('/v1/accounts/world_EUR', { overdraft_limit: '1' }, 'PATCH')).toEqual(['id']);
    expect(await wrongFields('/v1/holds', { ...hold, account: 'world_EUR' })).toEqual(['account']);
  });

  it('thousands of mistakes at once, without an answer as long', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`unknown_${n}`, n]));
    const { problem } = await problemOf('/v1/transfers', post({ ...transfer, ...unknown }, KEY));
    expect(problem.errors?.length).toBeLessThanOrEqual(20);
    expect(await codeOf('/v1/transfers', post({ ...transfer, ['x'.repeat(900_000)]: 1 }, KEY))).toBe(
      'invalid_request',
    );
    expect(
      await codeOf('/v1/transfers', post({ ...transfer, metadata: { ['x'.repeat(900_000)]: 1 } }, KEY)),
    ).toBe('invalid_request');
  });
});

/** A transaction of which one entry is another. */
function withEntry(given: object): object {
  const [first, ...rest] = transaction.entries;
  return { entries: [{ ...first, ...given }, ...rest] };
}

/** Where a body is not valid, by the answer. */
async function wrongFields(path: string, body: unknown, method = 'POST'): Promise<string[]> {
  const { problem } = await problemOf(path, { ...post(body, { ...KEY, 'if-match': '"3"' }), method });
  expect(problem.code).toBe('invalid_request');
  for (const { message } of problem.errors ?? []) expect(message).toBeTruthy();
  return (problem.errors ?? []).map((error) => error.path);
}
