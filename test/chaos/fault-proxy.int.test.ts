import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../../chaos/infra/fault-proxy.ts';

/** A server that says back what it hears, a proxy before it, and a client. */
async function echo(work: (proxy: FaultProxy, client: Client, server: { heard: string }) => Promise<void>) {
  const heard = { heard: '' };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard.heard += chunk.toString();
      socket.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startFaultProxy(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const client = await join(proxy);
  try {
    await work(proxy, client, heard);
  } finally {
    client.socket.destroy();
    await proxy.close();
    server.close();
  }
}

type Client = { socket: Socket; heard: () => string; ended: Promise<string> };

async function join({ port }: FaultProxy): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk) => (heard += chunk.toString()));
  const ended = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('close', () => resolve('closed'));
  });
  await once(socket, 'connect');
  return { socket, heard: () => heard, ended };
}

test('what is delayed comes later, in its order, and whole', async () => {
  await echo(async (proxy, { socket, heard }) => {
    proxy.weather({ delayMs: 100, jitterMs: 50 });
    for (let count = 0; count < 20; count++) {
      socket.write(`${count},`);
      await sleep(2);
    }
    await sleep(100);
    expect(heard()).toBe('');
    const all = Array.from({ length: 20 }, (_, index) => `${index},`).join('');
    await expect.poll(heard, { timeout: 2_000 }).toBe(all);
  });
});

test('a narrow connection carries so many bytes in a second, and all of them', async () => {
  await echo(async (proxy, { socket, heard }) => {
    proxy.weather({ bytesPerSecond: 1_000 });
    socket.write('x'.repeat(1_500));
    await sleep(700);
    expect(heard().length).toBeGreaterThan(200);
    expect(heard().length).toBeLessThan(1_000);
    await expect.poll(() => heard().length, { timeout: 5_000 }).toBe(1_500);
  });
});

test('what is held in one direction arrives late; the other direction goes on', async () => {
  await echo(async (proxy, { socket, heard }, server) => {
    proxy.hold('to-client');
    socket.write('one');
    await expect.poll(() => server.heard).toBe('one');
    proxy.resume();
    await expect.poll(heard).toBe('one');
    proxy.hold('to-server');
    socket.write(' two');
    await sleep(100);
    expect(server.heard).toBe('one');
    proxy.resume();
    await expect.poll(heard).toBe('one two');
  });
});

test('of what the server says nothing arrives while it is dropped; after a cut new connections work', async () => {
  await echo(async (proxy, client, server) => {
    proxy.dropReplies();
    client.socket.write('lost');
    await expect.poll(() => server.heard).toBe('lost');
    proxy.cut();
    expect(await client.ended).toBe('closed');
    expect(client.heard()).toBe('');
    const next = await join(proxy);
    next.socket.write('again');
    await expect.poll(next.heard).toBe('again');
    next.socket.destroy();
  });
});

test('a reset is heard as one', async () => {
  await echo(async (proxy, client) => {
    client.socket.write('x');
    await expect.poll(client.heard).toBe('x');
    proxy.reset();
    expect(await client.ended).toBe('ECONNRESET');
  });
});
