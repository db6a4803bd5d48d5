/** How the HTTP server ends while clients go on asking over connections that they keep. */
import { Agent, createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { createClosing } from '../../../api/http/closing.ts';

const ANSWER_MS = 50;

let server: Server;
let agent: Agent;
let port: number;
afterEach(() => {
  agent.destroy();
  server.closeAllConnections();
});

/** A server that takes a moment for each answer, and how it is closed. */
async function serve(): Promise<() => Promise<void>> {
  server = createServer((_, response) => {
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.end('answer');
    }, ANSWER_MS);
  });
  const close = createClosing(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return close;
}

function ask(): Promise<string> {
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    };
    get({ host: '127.0.0.1', port, agent }, answered).on('error', reject);
  });
}

test('a client that asks again as soon as it is answered does not keep the server from closing', async () => {
  const close = await serve();
  const answers: string[] = [];
  const asking = (async () => {
    for (;;) answers.push(await ask());
  })().catch((error: NodeJS.ErrnoException) => error.code);
  await sleep(3 * ANSWER_MS);
  const began = performance.now();
  await close();
  expect(performance.now() - began).toBeLessThan(1_000);
  // Whoever asked was answered; only a new connection is refused.
  expect(await asking).toBe('ECONNREFUSED');
  expect(new Set(answers)).toEqual(new Set(['answer']));
});

test('what was asked before is answered, and a connection that is quiet is closed at once', async () => {
  const close = await serve();
  await ask();
  const answer = ask();
  await sleep(ANSWER_MS / 2);
  await Promise.all([close(), expect(answer).resolves.toBe('answer')]);
  const closeAgain = await serve();
  await ask();
  const began = performance.now();
  await closeAgain();
  expect(performance.now() - began).toBeLessThan(1_000);
});
