/** TCP ports on this machine's loopback address. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { codeOf, messageOf } from '../errors.ts';

/** Gives a port that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  return await listenOnce(0);
}

/**
 * Returns when the port is free.
 * @param variable the environment variable that changes the port.
 * @param what who wants it, for the message.
 * @throws Error that names all three when it is not.
 */
export async function requirePortFree(port: number, variable: string, what: string): Promise<void> {
  try {
    await listenOnce(port);
  } catch (error) {
    const why = codeOf(error) === 'EADDRINUSE' ? 'is taken' : `cannot be used (${messageOf(error)})`;
    throw new Error(`Port ${port} (${what}) ${why}. Set ${variable} to another one.`, { cause: error });
  }
}

async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}
