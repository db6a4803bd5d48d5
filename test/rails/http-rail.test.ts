import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createHttpRail, createHttpRails } from '../../rails/http-rail.ts';

const PAYMENT = {
  id: 'tr_1',
  rail: 'other',
  account: 'alice',
  amount: '500',
  currency: 'EUR',
  metadata: { iban: 'DE00' },
};

let server: Server | undefined;
afterEach(() => server?.close());

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function railThat(handle: Handler): Promise<string> {
  server = createServer(handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
}

const soon = () => AbortSignal.timeout(300);

describe('over HTTP', () => {
  test('a payment is handed over with its key, and asked for by its id', async () => {
    const requests: unknown[] = [];
    const url = await railThat((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        requests.push([request.method, request.url, request.headers['idempotency-key'], text]);
        response.writeHead(200).end('{"id":"tr_1","state":"settled"}');
      });
    });
    const rail = createHttpRail(url);
    expect(await rail.submit(PAYMENT, soon())).toEqual({ state: 'settled' });
    expect(await rail.status('tr_1', soon())).toEqual({ state: 'settled' });
    // The rail's name is ours.
    const { rail: _, ...body } = PAYMENT;
    expect(requests).toEqual([
      ['POST', '/api/payments', 'tr_1', JSON.stringify(body)],
      ['GET', '/api/payments/tr_1', undefined, ''],
    ]);
  });

  test.each<[string, Handler, RegExp]>([
    ['does not answer', () => {}, /in time/],
    ['hangs up', (request) => request.socket.destroy(), /other side closed|ECONNRESET/],
    [
      'hangs up in the middle',
      (_, response) => response.write('{"id":', () => response.destroy()),
      /terminated|closed|ECONN/,
    ],
    [
      'sends us elsewhere',
      (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
      /redirect/,
    ],
    ['answers without end', (_, response) => response.end('x'.repeat(100_000)), /more than 65536 bytes/],
    ['is out of order', (_, response) => response.writeHead(503).end('out of order'), /503: out of order/],
  ])('a rail that %s leaves it open', async (_, handle, why) => {
    const rail = createHttpRail(await railThat(handle));
    const uncertain = { state: 'uncertain', why: expect.stringMatching(why) };
    expect(await rail.submit(PAYMENT, soon())).toEqual(uncertain);
    expect(await rail.status('tr_1', soon())).toEqual(uncertain);
  });

  test('a rail that is not there leaves it open too: it may have been there before', async () => {
    const url = await railThat(() => {});
    server?.close();
    const heard = await createHttpRails({ other: url }).get('other')?.submit(PAYMENT, soon());
    expect(heard).toEqual({ state: 'uncertain', why: expect.stringContaining('ECONNREFUSED') });
  });
});
