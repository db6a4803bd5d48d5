import { describe, expect, it } from 'vitest';
import { post } from './fixtures.ts';
import { account, codeOf, deposit, KEY, refusal, transfer } from './refused.ts';

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
    expect(await wrongFields('/v1/accounts', { ...account, id })).toContain('id');
  });

  it.each(['', 'eur', 'EURO', 'XXQ', 'BTC', 'E', 978, null, ['EUR'], 'EUR ', 'ЕUR'])(
    'currency %j',
    async (currency) => {
      expect(await wrongFields('/v1/transfers', { ...transfer, currency })).toContain('currency');
      expect(await wrongFields('/v1/deposits', { ...deposit, currency })).toContain('currency');
      expect(await wrongFields('/v1/accounts', { ...account, currency })).toContain('currency');
    },
  );

  it.each(['', 'x'.repeat(256), 'a\u0000b', 'a\nb', 'a\u001bb', '\ud800', 'a\udc00', 7, null, {}])(
    'text %j',
    async (text) => {
      expect(await wrongFields('/v1/accounts', { ...account, owner: text })).toContain('owner');
      expect(await wrongFields('/v1/transfers', { ...transfer, reference: text })).toContain('reference');
      expect(
        await wrongFields('/v1/accounts/alice/freeze', {
          reason: text === 'x'.repeat(256) ? 'x'.repeat(501) : text,
        }),
      ).toContain('reason');
    },
  );

  it.each(['-1', '1.5', '01', '9223372036854775808', '9'.repeat(19), 0, null, ''])(
    'overdraft limit %j',
    async (limit) => {
      expect(await wrongFields('/v1/accounts', { ...account, overdraft_limit: limit })).toContain(
        'overdraft_limit',
      );
    },
  );

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
  });

  it('a field that is missing', async () => {
    for (const field of ['source', 'destination', 'amount', 'currency']) {
      expect(await wrongFields('/v1/transfers', { ...transfer, [field]: undefined })).toContain(field);
    }
    expect(await wrongFields('/v1/accounts', { id: 'alice', currency: 'EUR' })).toContain('owner');
  });

  it('a field that is unknown', async () => {
    expect(await wrongFields('/v1/transfers', { ...transfer, ammount: '1' })).toContain('ammount');
    expect(await wrongFields('/v1/accounts', { ...account, balances: {} })).toContain('balances');
    expect(await wrongFields('/v1/accounts/alice/close', { force: true })).toContain('force');
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
  });

  it('thousands of mistakes at once, without an answer as long', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`unknown_${n}`, n]));
    const { problem } = await refusal('/v1/transfers', post({ ...transfer, ...unknown }, KEY));
    expect(problem.errors?.length).toBeLessThanOrEqual(20);
    expect(await codeOf('/v1/transfers', post({ ...transfer, ['x'.repeat(900_000)]: 1 }, KEY))).toBe(
      'invalid_request',
    );
    expect(
      await codeOf('/v1/transfers', post({ ...transfer, metadata: { ['x'.repeat(900_000)]: 1 } }, KEY)),
    ).toBe('invalid_request');
  });
});

/** Where a body is not valid, by the answer. */
async function wrongFields(path: string, body: unknown): Promise<string[]> {
  const { problem } = await refusal(path, post(body, KEY));
  expect(problem.code).toBe('invalid_request');
  for (const { message } of problem.errors ?? []) expect(message).toBeTruthy();
  return (problem.errors ?? []).map((error) => error.path);
}
