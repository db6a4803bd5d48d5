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
type Answer =
  number | { readonly afterMs: number } | { readonly status: number; readonly retryAfter: string };

export type Receiver = {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** Whose secret deliveries are verified with from now on. */
  readonly trust: (secret: string) => void;
  /** What is answered to a delivery; 204 if nothing was said. */
  readonly answer: (by: (delivery: Received, count: number) => Answer) => void;
  readonly close: () => Promise<void>;
};

export async function startReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = [];
  let secret = '';
  let by: (delivery: Received, count: number) => Answer = noContent;
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
      const answer = by(delivery, received.filter(({ id }) => id === delivery.id).length);
      if (typeof answer === 'number') return response.writeHead(answer).end('thanks');
      if ('afterMs' in answer) return void setTimeout(() => response.writeHead(204).end(), answer.afterMs);
      return response.writeHead(answer.status, { 'retry-after': answer.retryAfter }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const own = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${own}/hook`,
    port: own,
    received,
    trust: (given) => void (secret = given),
    answer: (given) => void (by = given),
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
