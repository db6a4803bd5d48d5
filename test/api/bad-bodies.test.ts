import { describe, expect, it } from 'vitest';
import { post } from './fixtures.ts';
import { account, codeOf, deposit, KEY, refusal, transfer } from './refused.ts';

describe('a body that is not what it must be', () => {
  const POSTS = [
    '/v1/accounts',
    '/v1/deposits',
    '/v1/withdrawals',
    '/v1/transfers',
    '/v1/accounts/alice/freeze',
    '/v1/accounts/alice/unfreeze',
    '/v1/accounts/alice/close',
  ];

  it.each(POSTS)('%s: not JSON', async (path) => {
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
      expect(await codeOf(path, post(body, KEY))).toBe('invalid_request');
    }
    expect(
      await codeOf(path, {
        ...post('', KEY),
        body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]),
      }),
    ).toBe('invalid_request');
  });

  it.each(POSTS)('%s: JSON, but no object', async (path) => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const deepObject = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    for (const body of ['null', '1', '"x"', '[]', 'true', deep, deepObject]) {
      expect(await codeOf(path, post(body, KEY))).toBe('invalid_request');
    }
  });

  it('nested deeply within a field', async () => {
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const body = `{"source":"a","destination":"b","amount":"1","currency":"EUR","metadata":${deep}}`;
    expect(await codeOf('/v1/transfers', post(body, KEY))).toBe('invalid_request');
  });

  it('missing where there must be one', async () => {
    for (const path of POSTS.slice(0, 4)) expect(await codeOf(path, post('', KEY))).toBe('invalid_request');
  });

  it.each(POSTS)('%s: of another type', async (path) => {
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/jsonp',
      'json',
      '',
    ];
    for (const type of [...types, 'application/vnd.api+json', 'text/json', 'application/json-patch+json']) {
      expect(await codeOf(path, post('{}', { ...KEY, 'content-type': type }))).toBe('unsupported_media_type');
    }
    const untyped = { method: 'POST', body: new TextEncoder().encode('{}'), headers: KEY };
    expect(await codeOf(path, untyped)).toBe('unsupported_media_type');
  });

  it.each(POSTS)('%s: larger than 1 MiB, declared or not', async (path) => {
    const body = JSON.stringify({ ...transfer, reference: 'x'.repeat(1024 * 1024) });
    expect(await codeOf(path, post(body, { ...KEY, 'content-length': String(body.length) }))).toBe(
      'payload_too_large',
    );
    expect(await codeOf(path, post(body, KEY))).toBe('payload_too_large');
    expect(await codeOf(path, post(body, { ...KEY, 'content-length': '10' }))).toBe('payload_too_large');
    const stream = { ...post('', KEY), body: endless(), duplex: 'half' as const };
    expect(await codeOf(path, stream)).toBe('payload_too_large');
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
  it.each(['/v1/deposits', '/v1/withdrawals', '/v1/transfers'])('%s: missing', async (path) => {
    const body = path === '/v1/transfers' ? transfer : deposit;
    expect(await codeOf(path, post(body))).toBe('idempotency_key_missing');
    expect(await codeOf(path, post(body, { 'idempotency-key': '' }))).toBe('idempotency_key_missing');
  });

  it('is refused on every command', async () => {
    for (const key of ['x'.repeat(256), '"open', 'clé', '""']) {
      const headers = { 'idempotency-key': key };
      const { problem } = await refusal('/v1/transfers', post(transfer, headers));
      expect(problem.errors?.[0]?.path).toBe('Idempotency-Key');
      expect(await codeOf('/v1/accounts', post(account, headers))).toBe('invalid_request');
      expect(await codeOf('/v1/accounts/alice/freeze', post({}, headers))).toBe('invalid_request');
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
