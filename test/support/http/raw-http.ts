/** Bytes to a server, and what comes back: for what no HTTP client would send. */
import { connect, type Socket } from 'node:net';

export type RawResponse = {
  /** 0 if the connection was closed without an answer. */
  readonly status: number;
  readonly contentType: string | undefined;
  readonly head: string;
  readonly body: string;
};

const HANG_MS = 20_000;

/** Sends bytes on a connection of its own, and gives what came until the server closed it. */
export function sendRaw(port: number, bytes: string | Uint8Array): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`The server neither answers nor closes: ${received}`));
    }, HANG_MS);
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    // A reset says as much as an end.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      const [head = '', ...rest] = received.split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
      const contentType = /^content-type: ([^;\r]*)/im.exec(head)?.[1];
      resolve({ status, contentType, head, body: rest.join('\r\n\r\n') });
    });
    socket.write(bytes);
  });
}

/** A request as text, on a connection that ends with it. */
export function rawRequest(line: string, headers: Readonly<Record<string, string>> = {}, body = ''): string {
  const lines = Object.entries({ Host: 'localhost', Connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `${line} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Connections that are kept open, each after it has sent something. */
export async function openMany(
  port: number,
  count: number,
  bytes: (index: number) => string,
): Promise<Socket[]> {
  return Promise.all(
    Array.from(
      { length: count },
      (_, index) =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => {
            socket
              .off('error', reject)
              .on('error', () => {})
              .resume();
            socket.write(bytes(index));
            resolve(socket);
          });
          socket.once('error', reject);
        }),
    ),
  );
}
