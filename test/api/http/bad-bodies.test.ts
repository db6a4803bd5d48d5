import { describe, expect, it } from 'vitest';
import { post } from '../fixtures/fixtures.ts';
import {
  account,
  codeOf,
  codeTo,
  deposit,
  hold,
  KEY,
  problemOf,
  transaction,
  transfer,
} from '../fixtures/rejected.ts';

/** With a key, and with what only some routes want. */
const HEADERS = { ...KEY, 'if-match': '"3"' };

describe('a body that is not what it must be', () => {
  const REQUIRED = [
    '/v1/accounts',
    '/v1/deposits',
    '/v1/withdrawals',
    '/v1/transfers',
    '/v1/transactions',
    '/v1/holds',
    '/v1/holds/hold_1/extend',
    'PATCH /v1/accounts/alice',
  ];
  const ROUTES = [
    ...REQUIRED,
    '/v1/accounts/alice/freeze',
    '/v1/accounts/alice/unfreeze',
    '/v1/accounts/alice/close',
    '/v1/transfers/tr_1/approve',
    '/v1/transfers/tr_1/reject',
    '/v1/transfers/tr_1/cancel',
    '/v1/transfers/tr_1/reversal',
    '/v1/holds/hold_1/capture',
    '/v1/holds/hold_1/void',
  ];

  it.each(ROUTES)('%s: not JSON', async (route) => {
    for (const body of [
      '{',
      '{"a":}',
      "{'a':1}",
      'undefined',
      '{"a":1}}',
      '{"a":1,}',
      '\u0000',
      'NaN',
      '[',
      '[['.repeat(1e5),
    ]) {
      expect(await codeTo(route, post(body, HEADERS))).toBe('invalid_request');
    }
    expect(
      await codeTo(route, {
        ...post('', HEADERS),
        body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]),
      }),
    ).toBe('invalid_request');
  });

  it.each(ROUTES)('%s: JSON, but no object', async (route) => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const deepObject = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    for (const body of ['null', '1', '"x"', '[]', 'true', deep, deepObject]) {
      expect(await codeTo(route, post(body, HEADERS))).toBe('invalid_request');
    }
  });

  it('nested deeply within a field', async () => {
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const body = `{"source":"a","destination":"b","amount":"1","currency":"EUR","metadata":${deep}}`;
    expect(await codeOf('/v1/transfers', post(body, KEY))).toBe('invalid_request');
  });

  it('missing where there must be one', async () => {
    for (const route of REQUIRED) expect(await codeTo(route, post('', HEADERS))).toBe('invalid_request');
  });

  it.each(ROUTES)('%s: of another type', async (route) => {
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/jsonp',
      'json',
      '',
    ];
    for (const type of [...types, 'application/vnd.api+json', 'text/json', 'application/json-patch+json']) {
      expect(await codeTo(route, post('{}', { ...HEADERS, 'content-type': type }))).toBe(
        'unsupported_media_type',
      );
    }
    const untyped = { method: 'POST', body: new TextEncoder().encode('{}'), headers: HEADERS };
    expect(await codeTo(route, untyped)).toBe('unsupported_media_type');
  });

  it.each(ROUTES)('%s: larger than 1 MiB, declared or not', async (route) => {
    const body = JSON.stringify({ ...transfer, reference: 'x'.repeat(1024 * 1024) });
    expect(await codeTo(route, post(body, { ...HEADERS, 'content-length': String(body.length) }))).toBe(
      'payload_too_large',
    );
    expect(await codeTo(route, post(body, HEADERS))).toBe('payload_too_large');
    expect(await codeTo(route, post(body, { ...HEADERS, 'content-length': '10' }))).toBe('payload_too_large');
    const stream = { ...post('', HEADERS), body: endless(), duplex: 'half' as const };
    expect(await codeTo(route, stream)).toBe('payload_too_large');
  });

  it('breaks off', async () => {
    for (const headers of [KEY, { ...KEY, 'content-length': '10' }]) {
      const body = new ReadableStream({ pull: (controller) => controller.error(new Error('aborted')) });
      const broken = { ...post('', headers), body, duplex: 'half' as const };
      expect(await codeOf('/v1/transfers', broken)).toBe('invalid_request');
    }
  });

  it('is measured in bytes: exactly 1 MiB is read', async () => {
    const start = '{"unknown":"';
    const body = `${start}${'é'.repeat((1024 * 1024 - start.length - 2) / 2)}"}`;
    expect(Buffer.byteLength(body)).toBe(1024 * 1024);
    expect(await codeOf('/v1/transfers', post(body, KEY))).toBe('invalid_request');
    expect(await codeOf('/v1/transfers', post(`${body} `, KEY))).toBe('payload_too_large');
  });
});

describe('a key that is not one', () => {
  it.each([
    ['/v1/deposits', deposit],
    ['/v1/withdrawals', deposit],
    ['/v1/transfers', transfer],
    ['/v1/transactions', transaction],
    ['/v1/transfers/tr_1/reversal', {}],
    ['/v1/holds', hold],
    ['/v1/holds/hold_1/capture', {}],
  ])('%s: missing', async (path, body) => {
    expect(await codeOf(path, post(body))).toBe('idempotency_key_missing');
    expect(await codeOf(path, post(body, { 'idempotency-key': '' }))).toBe('idempotency_key_missing');
  });

  it('is refused on every command', async () => {
    for (const key of ['x'.repeat(256), '"open', 'clé', '""']) {
      const headers = { 'idempotency-key': key };
      const { problem } = await problemOf('/v1/transfers', post(transfer, headers));
      expect(problem.errors?.[0]?.path).toBe('Idempotency-Key');
      expect(await codeOf('/v1/accounts', post(account, headers))).toBe('invalid_request');
      for (const path of [
        '/v1/accounts/alice/freeze',
        '/v1/transfers/tr_1/approve',
        '/v1/transfers/tr_1/reversal',
        '/v1/holds/hold_1/capture',
        '/v1/holds/hold_1/void',
      ]) {
        expect(await codeOf(path, post({}, headers))).toBe('invalid_request');
      }
    }
  });

  it('is looked at last', async () => {
    expect(await codeOf('/v1/transfers', post({ ...transfer, amount: 1 }))).toBe('invalid_request');
    expect(await codeOf('/v1/transfers', post(transfer, { 'content-type': 'text/plain' }))).toBe(
      'unsupported_media_type',
    );
  });
});

/** A body without end and without a declared length. */
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(0x20)),
  });
}
