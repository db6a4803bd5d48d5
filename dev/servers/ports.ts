/** TCP ports on this machine's loopback address. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { codeOf, messageOf } from '../errors.ts';

/**
 * Ports are given away below those that systems take for outgoing connections (from 32768 on Linux, from 49152 on
 * macOS and Windows). A port that the system chose could be the near end of anybody's connection a moment later, and
 * the server that it was meant for would not start.
 */
const FIRST_PORT = 10_000;
const PORTS_A_BLOCK = 32;
const BLOCKS = 700;

/** The block that this process has: its ports but the first, which is listened on for as long as the process lives. */
let block: { next: number; readonly end: number } | undefined;
let claiming: Promise<unknown> = Promise.resolve();

/**
 * Gives a port that nobody listens on, and that no other caller is given: not in this process, since each port is given
 * once, and not in another one, since each process has blocks of its own.
 */
export async function freePort(): Promise<number> {
  const port = claiming.then(nextPort);
  claiming = port.catch(() => undefined);
  return await port;
}

async function nextPort(): Promise<number> {
  for (;;) {
    if (block === undefined || block.next === block.end) block = await claimBlock();
    const port = block.next;
    block.next += 1;
    // A server may have outlived the process that the block belonged to.
    if (await isFree(port)) return port;
  }
}

/** Listening on its first port is what makes a block ours. The system ends that with the process, however that ends. */
async function claimBlock(): Promise<{ next: number; end: number }> {
  const from = randomInt(BLOCKS);
  for (let tried = 0; tried < BLOCKS; tried += 1) {
    const first = FIRST_PORT + ((from + tried) % BLOCKS) * PORTS_A_BLOCK;
    try {
      (await listen(first)).unref();
      return { next: first + 1, end: first + PORTS_A_BLOCK };
    } catch (error) {
      if (!isInUse(error)) throw error;
    }
  }
  throw new Error(`All ${BLOCKS} blocks of ports from ${FIRST_PORT} on are taken.`);
}

async function isFree(port: number): Promise<boolean> {
  try {
    await listenOnce(port);
    return true;
  } catch (error) {
    if (isInUse(error)) return false;
    throw error;
  }
}

/** Where a port may not be used for another reason (reserved by the system, on Windows), another one may. */
function isInUse(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EADDRINUSE' || code === 'EACCES';
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

async function listenOnce(port: number): Promise<void> {
  const server = await listen(port);
  server.close();
  await once(server, 'close');
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
