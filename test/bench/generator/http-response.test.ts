import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { parseResponse } from '../../../bench/generator/http-response.ts';
import { createHttpPool } from '../../../bench/generator/http-pool.ts';

const SIZED =
  'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nLedger-Position: 12\r\ncontent-length: 8\r\n\r\n{"a":"é"';
const CHUNKED =
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n5;x=y\r\n, two\r\n0\r\n\r\n';

test('an answer is taken whole, however it comes, and leaves what comes after it', () => {
  for (const [text, status, body] of [
    [SIZED, 201, '{"a":"é"'],
    [CHUNKED, 200, 'one, two'],
    ['HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
  ] as const) {
    // A multi-byte letter makes the sized body nine bytes long.
    const whole = Buffer.from(text.replace('content-length: 8', 'content-length: 9'));
    const both = Buffer.concat([whole, Buffer.from('HTTP/1.1 200 OK')]);
    for (let length = 0; length < whole.length; length++) {
      expect(parseResponse(both.subarray(0, length))).toBeUndefined();
    }
    const taken = parseResponse(both);
    expect(taken?.length).toBe(whole.length);
    expect(taken?.response).toMatchObject({ status, body });
  }
});

test('the names of headers are in lower case', () => {
  const taken = parseResponse(Buffer.from(SIZED));
  expect(taken?.response.headers.get('ledger-position')).toBe('12');
});

test('what is no answer, or has no length, is refused', () => {
  expect(() => parseResponse(Buffer.from('SSH-2.0\r\n\r\n'))).toThrow('Not an answer');
  expect(() => parseResponse(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toThrow('without a length');
});

test('a pool keeps to its connections, and each request gets its own answer', async () => {
  let connections = 0;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const echo = JSON.stringify({ path: request.url, body: Buffer.concat(parts).toString() });
      setTimeout(() => response.writeHead(201).end(echo), 5);
    });
  });
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pool = createHttpPool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 3);
  try {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        pool.send({ method: 'POST', path: `/${index}`, body: `bodé ${index}` }),
      ),
    );
    expect(answers.map(({ body }) => JSON.parse(body) as unknown)).toEqual(
      Array.from({ length: 20 }, (_, index) => ({ path: `/${index}`, body: `bodé ${index}` })),
    );
    expect(connections).toBe(3);
  } finally {
    pool.close();
    server.close();
  }
});

test('a connection that is lost rejects its request, and the next one gets another', async () => {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    if (asked === 1) request.socket.destroy();
    else response.end('fine');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pool = createHttpPool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 1);
  try {
    const [lost, next] = await Promise.allSettled([
      pool.send({ method: 'GET', path: '/' }),
      pool.send({ method: 'GET', path: '/' }),
    ]);
    expect(lost.status).toBe('rejected');
    expect(next).toMatchObject({ status: 'fulfilled', value: { status: 200, body: 'fine' } });
  } finally {
    pool.close();
    server.close();
  }
});
