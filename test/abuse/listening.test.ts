import type { Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listen } from '../../api/http/listening.ts';
import { isProblemCode, PROBLEMS } from '../../contracts/problems.ts';
import { testApp } from '../api/fixtures/fixtures.ts';
import { openMany, rawRequest, sendRaw, type RawResponse } from '../support/http/raw-http.ts';

const AMOUNT = '{"account":"alice","amount":"1","currency":"EUR"}';
const HERE = { host: '127.0.0.1', port: 0 };
const LIMITS = { headersMs: 300, requestMs: 600, checkMs: 50, idleMs: 1_000 };

let server: Server;
let port: number;
beforeAll(async () => {
  server = await listen(testApp().app.fetch, HERE, LIMITS);
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** An error that names itself, as all do. */
function codeOf({ status, contentType, head, body }: RawResponse): string {
  expect(contentType, head).toBe('application/problem+json');
  const { code, status: told, title } = JSON.parse(body) as Record<string, string>;
  if (!isProblemCode(code!)) throw new Error(`There is no problem ${code}`);
  expect([told, title]).toEqual([PROBLEMS[code].status, PROBLEMS[code].title]);
  expect(status).toBe(PROBLEMS[code].status);
  return code;
}

const send = (bytes: string | Uint8Array) => sendRaw(port, bytes);
const post = (headers: Record<string, string>, body = AMOUNT) =>
  rawRequest('POST /v1/deposits', { 'Content-Type': 'application/json', ...headers }, body);
const length = `${AMOUNT.length}`;

describe('what is no HTTP is told so', () => {
  test.each([
    ['garbage', 'hello there\r\n\r\n'],
    ['a TLS handshake', Buffer.from('16030100050102030405', 'hex')],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['another version', 'GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n'],
    ['a method that is none', rawRequest('FOO /healthz')],
    ['a folded header', rawRequest('GET /healthz', { X: 'a\r\n b' })],
    ['a header without a colon', 'GET /healthz HTTP/1.1\r\nHost\r\n\r\n'],
    ['two lengths', post({ 'Content-Length': `${length}\r\nContent-Length: 3`, 'Idempotency-Key': 'a' })],
    ['a length and chunks', post({ 'Content-Length': '3', 'Transfer-Encoding': 'chunked' })],
    ['a chunk without a length', post({ 'Transfer-Encoding': 'chunked' }, 'zz\r\n{}\r\n0\r\n\r\n')],
    ['a line break in a key', post({ 'Content-Length': length, 'Idempotency-Key': 'a\nX-Injected: 1' })],
    ['half a line break in a key', post({ 'Content-Length': length, 'Idempotency-Key': 'a\rX: 1' })],
    ['a NUL in a key', post({ 'Content-Length': length, 'Idempotency-Key': 'a\0b' })],
    ['a host that is none', 'GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
    ['a backslash in a path', rawRequest('GET /docs/..\\package.json')],
    ['no path', rawRequest('GET *')],
  ])('%s', async (_, bytes) => {
    expect(codeOf(await send(bytes))).toBe('invalid_request');
  });

  test.each([
    ['headers of 20 KB', rawRequest('GET /healthz', { X: 'x'.repeat(20_000) })],
    ['a path of 20 KB', rawRequest(`GET /${'x'.repeat(20_000)}`)],
  ])('%s', async (_, bytes) => {
    expect(codeOf(await send(bytes))).toBe('headers_too_large');
  });

  test('what a client sent is in no header of an answer', async () => {
    const answers = await Promise.all([
      send(rawRequest('GET /v1/accounts/%0d%0aX-Injected:1')),
      send(rawRequest('GET /healthz', { 'X-Request-Id': 'a\tb' })),
      send(post({ 'Content-Length': length, 'Idempotency-Key': 'a%0d%0aX-Injected: 1' })),
      send(post({ 'Content-Length': length, 'Idempotency-Key': '"a\\"b"', Prefer: 'x"\t,;=respond-async' })),
    ]);
    for (const { head } of answers) expect(head).not.toMatch(/^x-injected/im);
  });
});

describe('methods and paths that nobody has', () => {
  test.each(['TRACE', 'OPTIONS', 'PUT', 'DELETE', 'PROPFIND', 'M-SEARCH', 'PURGE'])('%s', async (method) => {
    const answer = await send(rawRequest(`${method} /v1/accounts`));
    expect(codeOf(answer)).toBe('method_not_allowed');
    expect(answer.head).toMatch(/^allow: GET, HEAD, POST|^allow: .*POST/im);
  });

  test('CONNECT is hung up on', async () => {
    expect((await send(rawRequest('CONNECT /healthz'))).status).toBe(0);
  });

  test.each([
    '/docs/../package.json',
    '/docs/%2e%2e/package.json',
    '/docs/..%2fpackage.json',
    '/docs/..%5cpackage.json',
    '/docs/%2e%2e%2f%2e%2e%2fpackage.json',
    '/docs/swagger-ui.css%00.png',
    '/docs//etc/passwd',
    '//etc/passwd',
    '/docs/constructor',
    '/docs/__proto__',
    '/v1//accounts',
    '/v1/accounts/alice/',
    '/v1/accounts/..',
  ])('%s', async (path) => {
    expect(codeOf(await send(rawRequest(`GET ${path}`)))).toBe('route_not_found');
  });

  test.each([
    '/v1/accounts/a%2fb',
    '/v1/accounts/%00',
    '/v1/accounts/%zz',
    '/v1/accounts/%ff',
    '/v1/accounts/%c0%ae',
    '/v1/accounts?limit=1&limit=2',
    '/v1/accounts?owner=a&owner=b',
    '/v1/accounts?limit=',
    '/v1/accounts?limit=1e2',
    '/v1/accounts?limit=0x10',
    '/v1/accounts?limit=%201',
    '/v1/accounts/alice?min_position=',
    '/v1/accounts/alice?min_position=1e3',
    '/v1/accounts/alice/balances?at=',
    '/v1/accounts/alice/balances?at=%20',
    '/v1/accounts/alice/balances?at=0x10',
    '/v1/events?after=',
    '/v1/events?after=true',
    '/v1/accounts?metadata.__proto__=1',
    '/v1/transfers?metadata.a=x&metadata.a=y',
  ])('%s: refused', async (path) => {
    expect(codeOf(await send(rawRequest(`GET ${path}`)))).toBe('invalid_request');
  });
});

describe('clients that take their time', () => {
  test.each([
    ['with the headers', 'GET /healthz HTTP/1.1\r\nHost: a\r\n'],
    ['with the body', post({ 'Content-Length': length, 'Idempotency-Key': 'slow' }, '{')],
    ['with a chunk', post({ 'Transfer-Encoding': 'chunked', 'Idempotency-Key': 'slow' }, '2\r\n{')],
  ])('%s are told that it is too long', async (_, bytes) => {
    expect(codeOf(await send(bytes))).toBe('request_timeout');
  });

  test('who sends a byte now and then is not waited for any longer', async () => {
    const [socket] = await openMany(port, 1, () => 'GET /healthz HTTP/1.1\r\nHost: a\r\nX: ');
    const drip = setInterval(() => socket!.write('x'), 50);
    await expect.poll(() => socket!.closed, { timeout: 5_000 }).toBe(true);
    clearInterval(drip);
  });

  test('who does not read what was asked for is cut off', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    // More than the system keeps for it.
    socket.write(rawRequest('GET /docs/swagger-ui-bundle.js', { Connection: 'keep-alive' }).repeat(20));
    await expect.poll(() => connections(server), { timeout: 9_000, interval: 100 }).toBe(0);
    socket.destroy();
  });

  test('more connections than a server can bear are closed at once; when some are gone, it serves again', async () => {
    const crowded = await listen(testApp().app.fetch, HERE, { connections: 20 });
    const { port: there } = crowded.address() as AddressInfo;
    try {
      const idle = await openMany(there, 20, () => 'GET /healthz HTTP/1.1\r\n');
      await expect.poll(() => connections(crowded)).toBe(20);
      expect((await sendRaw(there, rawRequest('GET /healthz'))).status).toBe(0);
      for (const socket of idle) socket.destroy();
      await expect.poll(() => connections(crowded)).toBe(0);
      expect((await sendRaw(there, rawRequest('GET /healthz'))).status).toBe(200);
    } finally {
      crowded.closeAllConnections();
      crowded.close();
    }
  });
});

const connections = (of: Server) =>
  new Promise<number>((resolve, reject) => {
    of.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
