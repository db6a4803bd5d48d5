/** A TCP proxy between a client and a server that can lose what the server says, or keep it back. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type TcpProxy = {
  readonly port: number;
  /** From now on nothing that the server sends reaches the client; what the client sends still arrives. */
  readonly dropReplies: () => void;
  /** From now on nothing gets through; it is kept, and arrives late. */
  readonly hold: () => void;
  /** Lets through what was held. */
  readonly resume: () => void;
  /** Cuts every connection; new ones work again, in both directions. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
};

/** Starts a proxy in front of `target`, a URL with host and port. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<[Socket, Socket]>();
  let dropping = false;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => {
      if (!dropping) client.write(chunk);
    });
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => {
        pairs.delete(pair);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    dropping = false;
    for (const [client] of pairs) client.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    dropReplies: () => {
      dropping = true;
    },
    hold: () => {
      for (const socket of [...pairs].flat()) socket.pause();
    },
    resume: () => {
      for (const socket of [...pairs].flat()) socket.resume();
    },
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
