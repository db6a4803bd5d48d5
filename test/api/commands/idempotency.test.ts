import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalJson,
  fingerprint,
  idempotencyKey,
  optionalKey,
  requiredKey,
} from '../../../api/commands/idempotency.ts';
import { ID_PATTERN } from '../../../contracts/subjects.ts';
import { post, testApp } from '../fixtures/fixtures.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const printable = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
});

describe('an Idempotency-Key', () => {
  it('stands for ids that follow from it alone', () => {
    const key = idempotencyKey('order-42');
    expect(key.keyHash).toBe(sha256('order-42'));
    expect(key.transferId).toBe(`tr_${sha256('transfer:order-42').slice(0, 32)}`);
    expect(key.accountId).toBe(`acc_${sha256('account:order-42').slice(0, 32)}`);
    expect(key.captureId).toBe(`tr_${sha256('capture:order-42').slice(0, 32)}`);
    expect(key.holdId).toBe(`hold_${sha256('hold:order-42').slice(0, 32)}`);
    const { transferId, captureId, holdId, accountId, commandId } = key;
    for (const id of [transferId, captureId, holdId, accountId, commandId]) expect(id).toMatch(ID_PATTERN);
  });

  it('is the same bare and in quotes', () => {
    fc.assert(
      fc.property(
        printable.filter((key) => /^[^"]/.test(key) && key.length <= 255),
        (key) => {
          const quoted = `"${key.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`;
          expect(requiredKey(quoted).keyHash).toBe(requiredKey(key).keyHash);
          expect(requiredKey(key).keyHash).toBe(sha256(key));
        },
      ),
    );
  });

  it.each([['x'.repeat(255)], [`"${'x'.repeat(255)}"`], ['a b'], ['a"b'], ['"say \\"hi\\" \\\\"']])(
    'may be %j',
    (key) => {
      expect(requiredKey(key).keyHash).toMatch(/^[0-9a-f]{64}$/);
      expect(optionalKey(key)?.keyHash).toBe(requiredKey(key).keyHash);
    },
  );

  it.each([
    ['x'.repeat(256)],
    ['"abc'],
    ['"'],
    ['""'],
    ['"a"b"'],
    ['"a\\b"'],
    ['a\u0000b'],
    ['a\tb'],
    ['clé'],
    ['\u0080'],
  ])('may not be %j', (key) => {
    for (const read of [requiredKey, optionalKey]) {
      expect(() => read(key)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    }
  });

  it('is missing where it is not sent, or empty', () => {
    for (const header of [undefined, '', '  ']) {
      expect(() => requiredKey(header)).toThrow(expect.objectContaining({ code: 'idempotency_key_missing' }));
    }
    expect(optionalKey(undefined)).toBeUndefined();
  });
});

describe('a fingerprint', () => {
  it('is the same however the client ordered the members', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
        // Parsing JSON makes zero of minus zero.
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('differs by route, by resource and by body', () => {
    const all = [
      fingerprint('POST /v1/deposits', '', { amount: '1' }),
      fingerprint('POST /v1/withdrawals', '', { amount: '1' }),
      fingerprint('POST /v1/deposits', 'alice', { amount: '1' }),
      fingerprint('POST /v1/deposits', '', { amount: '2' }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('a retried request', () => {
  const transfer = { source: 'alice', destination: 'bob', amount: '1050', currency: 'EUR' };

  it('has the id, the command id and the fingerprint of the first', async () => {
    const key = { 'idempotency-key': 'order-42' };
    const reordered = { currency: 'EUR', amount: '1050', metadata: {}, destination: 'bob', source: 'alice' };
    const [first, second] = await carriedOut(
      ['/v1/transfers', post(transfer, key)],
      ['/v1/transfers', post(reordered, { 'idempotency-key': '"order-42"' })],
    );
    expect(second).toEqual(first);
    expect(first?.id).toBe(idempotencyKey('order-42').transferId);
    expect(first?.command_id).toBe(first?.id);
    expect(first?.idempotency_key).toBe(sha256('order-42'));
  });

  it('with another body, or on another route, has another fingerprint', async () => {
    const key = { 'idempotency-key': 'order-42' };
    const movement = { account: 'alice', amount: '1050', currency: 'EUR' };
    const requests = await carriedOut(
      ['/v1/transfers', post(transfer, key)],
      ['/v1/transfers', post({ ...transfer, amount: '1051' }, key)],
      ['/v1/transfers', post({ ...transfer, reference: 'x' }, key)],
      ['/v1/deposits', post(movement, key)],
      ['/v1/withdrawals', post(movement, key)],
    );
    expect(new Set(requests.map((request) => request.id)).size).toBe(1);
    expect(new Set(requests.map((request) => request.fingerprint)).size).toBe(requests.length);
  });

  it('has the fingerprint that it has had since the first release', async () => {
    const [first] = await carriedOut(['/v1/transfers', post(transfer, { 'idempotency-key': 'order-42' })]);
    const body = '{"amount":"1050","currency":"EUR","destination":"bob","metadata":{},"source":"alice"}';
    expect(first?.fingerprint).toBe(sha256(`POST /v1/transfers\n\n${body}`));
  });

  it('about something that is there has another fingerprint for each of them and each action', async () => {
    const key = { 'idempotency-key': 'order-42' };
    const requests = await carriedOut(
      ['/v1/transfers/tr_1/approve', post({}, key)],
      ['/v1/transfers/tr_1/reject', post({}, key)],
      ['/v1/transfers/tr_1/cancel', post({}, key)],
      ['/v1/transfers/tr_2/cancel', post({}, key)],
      ['/v1/transfers/tr_2/cancel', post({ reason: 'x' }, key)],
      ['/v1/transfers/tr_1/reversal', post({}, key)],
      ['/v1/transfers/tr_2/reversal', post({}, key)],
      ['/v1/holds/hold_1/capture', post({}, key)],
      ['/v1/holds/hold_2/capture', post({}, key)],
      ['/v1/holds/hold_1/void', post({}, key)],
      ['/v1/holds/hold_1/extend', post({ expires_in_seconds: 60 }, key)],
    );
    expect(new Set(requests.map((request) => request.fingerprint)).size).toBe(requests.length);
    for (const request of requests) expect(request.idempotency_key).toBe(sha256('order-42'));
  });

  it('names the account that it created, with defaults or with the same written out', async () => {
    const key = { 'idempotency-key': 'order-42' };
    const [first, second] = await carriedOut(
      ['/v1/accounts', post({ owner: 'Alice', currency: 'EUR' }, key)],
      ['/v1/accounts', post({ owner: 'Alice', currency: 'EUR', overdraft_limit: '0', metadata: {} }, key)],
    );
    expect(second).toEqual(first);
    expect(first?.id).toBe(idempotencyKey('order-42').accountId);
  });

  it('without a key is another request', async () => {
    const body = { id: 'alice', owner: 'Alice', currency: 'EUR' };
    const [first, second] = await carriedOut(['/v1/accounts', post(body)], ['/v1/accounts', post(body)]);
    expect(second?.fingerprint).not.toBe(first?.fingerprint);
    expect(second?.command_id).not.toBe(first?.command_id);
    expect(first).not.toHaveProperty('idempotency_key');
    const [third, fourth] = await carriedOut(
      ['/v1/accounts', post({ owner: 'Alice', currency: 'EUR' })],
      ['/v1/accounts', post({ owner: 'Alice', currency: 'EUR' })],
    );
    expect(third?.id).toMatch(ID_PATTERN);
    expect(fourth?.id).not.toBe(third?.id);
    for (const path of ['/v1/transfers/tr_1/approve', '/v1/holds/hold_1/void']) {
      const [fifth, sixth] = await carriedOut([path, post({})], [path, post({})]);
      expect(sixth?.fingerprint).not.toBe(fifth?.fingerprint);
      expect(sixth?.command_id).not.toBe(fifth?.command_id);
    }
  });
});

/** The same value with its members the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

/** What the app was told to carry out by these requests. */
async function carriedOut(...requests: [path: string, init: RequestInit][]) {
  const { app, carried } = testApp();
  for (const [path, init] of requests) await app.request(path, init);
  expect(carried).toHaveLength(requests.length);
  return carried.map(({ request }) => request);
}
