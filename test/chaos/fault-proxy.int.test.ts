import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../../chaos/infra/fault-proxy.ts';

/** A server that says back what it hears, a proxy before it, and a client. */
async function echo(
  work: (proxy: FaultProxy, client: Client, server: { received: string }) => Promise<void>,
) {
  const received = { received: '' };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received.received += chunk.toString();
      socket.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startFaultProxy(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const client = await join(proxy);
  try {
    await work(proxy, client, received);
  } finally {
    client.socket.destroy();
    await proxy.close();
    server.close();
  }
}

type Client = { socket: Socket; received: () => string; ended: Promise<string> };

async function join({ port }: FaultProxy): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString()));
  const ended = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('close', () => resolve('closed'));
  });
  await once(socket, 'connect');
  return { socket, received: () => received, ended };
}

test('what is delayed comes later, in its order, and whole', async () => {
  await echo(async (proxy, { socket, received }) => {
    proxy.weather({ delayMs: 100, jitterMs: 50 });
    for (let count = 0; count < 20; count++) {
      socket.write(`${count},`);
      await sleep(2);
    }
    await sleep(100);
    expect(received()).toBe('');
    const all = Array.from({ length: 20 }, (_, index) => `${index},`).join('');
    await expect.poll(received, { timeout: 2_000 }).toBe(all);
  });
});

test('a narrow connection carries so many bytes in a second, and all of them', async () => {
  await echo(async (proxy, { socket, received }) => {
    proxy.weather({ bytesPerSecond: 1_000 });
    socket.write('x'.repeat(1_500));
    await sleep(700);
    expect(received().length).toBeGreaterThan(200);
    expect(received().length).toBeLessThan(1_000);
    await expect.poll(() => received().length, { timeout: 5_000 }).toBe(1_500);
  });
});

test('what is held in one direction arrives late; the other direction goes on', async () => {
  await echo(async (proxy, { socket, received }, server) => {
    proxy.hold('to-client');
    socket.write('one');
    await expect.poll(() => server.received).toBe('one');
    proxy.resume();
    await expect.poll(received).toBe('one');
    proxy.hold('to-server');
    socket.write(' two');
    await sleep(100);
    expect(server.received).toBe('one');
    proxy.resume();
    await expect.poll(received).toBe('one two');
  });
});

test('of what the server says nothing arrives while it is dropped; after a cut new connections work', async () => {
  await echo(async (proxy, client, server) => {
    proxy.dropReplies();
    client.socket.write('lost');
    await expect.poll(() => server.received).toBe('lost');
    proxy.cut();
    expect(await client.ended).toBe('closed');
    expect(client.received()).toBe('');
    const next = await join(proxy);
    next.socket.write('again');
    await expect.poll(next.received).toBe('again');
    next.socket.destroy();
  });
});

test('a reset is heard as one', async () => {
  await echo(async (proxy, client) => {
    client.socket.write('x');
    await expect.poll(client.received).toBe('x');
    proxy.reset();
    expect(await client.ended).toBe('ECONNRESET');
  });
});
