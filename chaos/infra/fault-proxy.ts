/** A TCP proxy between a client and a server that makes the network bad: slow, narrow, one-sided, or gone. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type Direction = 'to-server' | 'to-client';

/** How the network is; in both directions. */
export type Weather = {
  /** Every piece is that late. */
  readonly delayMs?: number;
  /** And up to so much later; the order stays. */
  readonly jitterMs?: number;
  /** What each connection carries in each direction. */
  readonly bytesPerSecond?: number;
};

export type FaultProxy = {
  readonly port: number;
  /** How the network is from now on, for connections that are open too; `{}` is as if there were no proxy. */
  readonly weather: (weather: Weather) => void;
  /**
   * From now on nothing that the server sends reaches the client; what the client sends still arrives. What was dropped
   * is missing for ever, so end it with `cut`.
   */
  readonly dropReplies: () => void;
  /** From now on nothing gets through, in one direction or both; it is kept, and arrives late. As when a cable is out. */
  readonly hold: (direction?: Direction) => void;
  /** Lets through what was held. */
  readonly resume: () => void;
  /** Cuts every connection; new ones work again, in both directions. */
  readonly cut: () => void;
  /** The same, but both ends hear it as a reset. */
  readonly reset: () => void;
  readonly close: () => Promise<void>;
};

/** A sender is told to wait when so much of it is on its way. */
const UNDER_WAY_MAX = 256 * 1024;
/** A narrow connection carries pieces of this part of a second. */
const SLICE_SECONDS = 0.1;

type State = {
  weather: Weather;
  readonly held: Set<Direction>;
  dropping: boolean;
  readonly random: () => number;
};

/**
 * Starts a proxy in front of `target`, a URL with host and port.
 * @param random decides the jitter
 */
export async function startFaultProxy(
  target: string,
  random: () => number = Math.random,
): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<Pair>();
  const state: State = { weather: {}, held: new Set(), dropping: false, random };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const pipes = [
      pipe({ from: client, to: upstream, direction: 'to-server' }, state),
      pipe({ from: upstream, to: client, direction: 'to-client' }, state),
    ];
    const pair: Pair = { sockets: [client, upstream], wake: () => pipes.forEach((one) => one()) };
    pairs.add(pair);
    for (const socket of pair.sockets) {
      socket.setNoDelay();
      socket.on('error', () => {});
      socket.on('close', () => {
        pairs.delete(pair);
        for (const each of pair.sockets) each.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const wake = () => pairs.forEach((pair) => pair.wake());
  const end = (how: 'destroy' | 'resetAndDestroy') => {
    state.dropping = false;
    state.held.clear();
    for (const { sockets } of pairs) for (const socket of sockets) socket[how]();
  };
  return {
    port: (server.address() as AddressInfo).port,
    weather(weather) {
      state.weather = weather;
      wake();
    },
    dropReplies() {
      state.dropping = true;
    },
    hold(direction) {
      for (const each of ['to-server', 'to-client'] as const) {
        if (direction === undefined || direction === each) state.held.add(each);
      }
    },
    resume() {
      state.held.clear();
      wake();
    },
    cut: () => end('destroy'),
    reset: () => end('resetAndDestroy'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        end('destroy');
      }),
  };
}

type Pipe = { readonly from: Socket; readonly to: Socket; readonly direction: Direction };

type Pair = { readonly sockets: readonly [Socket, Socket]; readonly wake: () => void };

/** Carries one direction of a connection. Gives what to call when the network has changed. */
function pipe({ from, to, direction }: Pipe, state: State): () => void {
  const underWay: { chunk: Buffer; due: number }[] = [];
  let bytes = 0;
  let lastDue = 0;
  let timer: NodeJS.Timeout | undefined;
  /** A narrow connection is busy with the piece before. */
  let busyUntil = 0;

  function send(): void {
    clearTimeout(timer);
    timer = undefined;
    while (underWay[0] && !state.held.has(direction) && !to.destroyed) {
      const now = performance.now();
      const wait = Math.max(underWay[0].due, busyUntil) - now;
      if (wait > 0) {
        timer = setTimeout(send, wait);
        return;
      }
      const { bytesPerSecond } = state.weather;
      const piece = take(bytesPerSecond === undefined ? Infinity : Math.ceil(bytesPerSecond * SLICE_SECONDS));
      busyUntil = bytesPerSecond === undefined ? 0 : now + (piece.length / bytesPerSecond) * 1_000;
      to.write(piece);
    }
  }

  /** The first bytes of what is under way. */
  function take(most: number): Buffer {
    const [first] = underWay;
    if (!first) throw new Error('Nothing is under way.');
    const piece = first.chunk.subarray(0, most);
    if (piece.length === first.chunk.length) underWay.shift();
    else first.chunk = first.chunk.subarray(piece.length);
    bytes -= piece.length;
    if (bytes < UNDER_WAY_MAX && from.isPaused()) from.resume();
    return piece;
  }

  from.on('data', (chunk) => {
    if (state.dropping && direction === 'to-client') return;
    const { delayMs = 0, jitterMs = 0 } = state.weather;
    lastDue = Math.max(lastDue, performance.now() + delayMs + state.random() * jitterMs);
    underWay.push({ chunk: Buffer.from(chunk), due: lastDue });
    bytes += chunk.length;
    if (bytes >= UNDER_WAY_MAX) from.pause();
    send();
  });
  to.on('close', () => clearTimeout(timer));
  return send;
}
