/** A receiver of webhooks: a real HTTP server that verifies each delivery with the published library. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { EventResource } from '../../../contracts/http.ts';

export type Received = {
  readonly id: string;
  readonly event: EventResource;
  readonly headers: Record<string, string>;
  /** Undefined if the signature is right. */
  readonly distrust: string | undefined;
  readonly at: number;
};

/** What it answers: a status, or nothing for so many milliseconds. */
type Reply = number | { readonly afterMs: number } | { readonly status: number; readonly retryAfter: string };

export type Receiver = {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** Whose secret deliveries are verified with from now on. */
  readonly trust: (secret: string) => void;
  /** What is answered to a delivery; 204 if nothing was said. */
  readonly reply: (by: (delivery: Received, count: number) => Reply) => void;
  readonly close: () => Promise<void>;
};

export async function startReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = [];
  let secret = '';
  let by: (delivery: Received, count: number) => Reply = noContent;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      const delivery: Received = {
        id: headers['webhook-id'] ?? '',
        event: JSON.parse(body) as EventResource,
        headers,
        distrust: distrustOf(secret, body, headers),
        at: Date.now(),
      };
      received.push(delivery);
      const reply = by(delivery, received.filter(({ id }) => id === delivery.id).length);
      if (typeof reply === 'number') return response.writeHead(reply).end('thanks');
      if ('afterMs' in reply) return void setTimeout(() => response.writeHead(204).end(), reply.afterMs);
      return response.writeHead(reply.status, { 'retry-after': reply.retryAfter }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const own = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${own}/hook`,
    port: own,
    received,
    trust: (given) => void (secret = given),
    reply: (given) => void (by = given),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function noContent(): number {
  return 204;
}

function distrustOf(secret: string, body: string, headers: Record<string, string>): string | undefined {
  try {
    new Webhook(secret).verify(body, headers);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
