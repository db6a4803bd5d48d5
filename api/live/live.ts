/** The live stream of events: one reading of the log for all clients of a process. */
import { setImmediate as turn } from 'node:timers/promises';
import type { RecordedEvent } from '../../contracts/events.ts';
import type { EventFilter, EventReader } from '../../eventlog/read/event-reader.ts';
import { ProblemError } from '../http/problem.ts';
import { LiveClient } from './client.ts';
import { keepFollowing } from './follower.ts';
import type { EndReason } from './frames.ts';
import type { LiveObserver } from './observer.ts';
import { createPace, type Pace } from './pace.ts';
import { Ring, type RingLimits } from './ring.ts';
import { createTurns } from './turns.ts';

export type LiveRequest = {
  /** The position after which it begins; if it is not given, the present end of the log. */
  readonly after?: number | undefined;
  readonly filter: EventFilter;
  /** Cuts the client's connection. */
  readonly cut: () => void;
};

export type Live = {
  /**
   * A stream of Server-Sent Events, for one client.
   * @throws ProblemError if there are too many already
   */
  readonly open: (request: LiveRequest) => Promise<ReadableStream<Uint8Array>>;
  /** Ends all streams at once. There will be no others. */
  readonly close: () => void;
};

export type LiveSettings = {
  /** More clients than this are refused. */
  readonly clients: number;
  readonly ring: RingLimits;
  /** The ring begins so many positions before the end of the log: where those were whose process has just ended. */
  readonly before: number;
  readonly heartbeatMs: number;
  /** How long the log may wait at a stretch for most of the clients. */
  readonly patienceMs: number;
  /** How long the log is followed after the last client has gone: most come back. */
  readonly lingerMs: number;
  /** How soon the log is followed again when that has failed. */
  readonly againMs: number;
};

const SETTINGS: LiveSettings = {
  clients: 10_000,
  ring: { events: 20_000, bytes: 16 * 1024 * 1024 },
  before: 1_000,
  heartbeatMs: 15_000,
  patienceMs: 10_000,
  lingerMs: 10_000,
  againMs: 1_000,
};

/** Pages of the log that are read at once for clients that come from the past. */
const READS_MAX = 8;
/** So many events go to the ring before the clients get their turn. */
const STEP_EVENTS = 100;
/** How long an ended stream may take to arrive. */
const GRACE_MS = 1_000;

export type LiveOptions = {
  readonly settings?: Partial<LiveSettings> | undefined;
  readonly observer: LiveObserver;
  /** Told, in one line, what an operator should know. */
  readonly tell: (line: string) => void;
};

type Log = Pick<EventReader, 'follow' | 'read' | 'nextPosition' | 'lastPosition'>;

/** Makes the live stream of a log. Nothing is read before the first client comes. */
export function createLive(log: Log, options: LiveOptions): Live {
  const hub = new Hub(log, options);
  return { open: (request) => hub.open(request), close: () => hub.close() };
}

class Hub {
  readonly #log: Log;
  readonly #options: LiveOptions;
  readonly #settings: LiveSettings;
  readonly #clients = new Set<LiveClient>();
  readonly #turns = createTurns(READS_MAX);
  readonly #pace: Pace;
  /** Clients, and those who are about to be. */
  #open = 0;
  #ring: Promise<Ring> | undefined;
  #stop = new AbortController();
  #linger: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(log: Log, options: LiveOptions) {
    this.#log = log;
    this.#options = options;
    this.#settings = { ...SETTINGS, ...options.settings };
    this.#pace = createPace(this.#settings.patienceMs);
    options.observer.began(() => this.#clients.size);
  }

  async open(request: LiveRequest): Promise<ReadableStream<Uint8Array>> {
    this.#admit();
    try {
      const ring = await this.#following();
      const position = request.after ?? (await this.#log.lastPosition());
      if (this.#closed) throw ending();
      return streamOf(this.#join(request, { ring, position }));
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.end('shutdown');
    clearTimeout(this.#linger);
    this.#stop.abort();
  }

  #admit(): void {
    if (this.#closed) throw ending();
    if (this.#open >= this.#settings.clients) {
      throw new ProblemError('overloaded', { detail: `${this.#open} live streams are already open.` });
    }
    this.#open += 1;
    clearTimeout(this.#linger);
  }

  /** Called for each that was admitted, when it is gone. */
  #release(): void {
    this.#open -= 1;
    if (this.#open > 0 || this.#closed) return;
    this.#linger = setTimeout(() => this.#unfollow(), this.#settings.lingerMs).unref();
  }

  #join(
    { after, filter, cut }: LiveRequest,
    { ring, position }: { ring: Ring; position: number },
  ): LiveClient {
    const client = new LiveClient({
      log: this.#log,
      turns: this.#turns,
      ring,
      filter,
      start: { position, announced: after === undefined },
      ending: (reason) => this.#ending(reason, cut),
      left: () => {
        this.#clients.delete(client);
        this.#release();
      },
      cut,
      tell: this.#options.tell,
    });
    this.#clients.add(client);
    return client;
  }

  #ending(reason: EndReason, cut: () => void): void {
    if (reason === 'behind') this.#options.observer.dropped('behind');
    // One that does not read its last word would keep the server open for ever.
    setTimeout(cut, GRACE_MS).unref();
  }

  #following(): Promise<Ring> {
    this.#ring ??= this.#follow().catch((error: unknown) => {
      this.#ring = undefined;
      throw error;
    });
    return this.#ring;
  }

  async #follow(): Promise<Ring> {
    const last = await this.#log.lastPosition();
    if (this.#closed) throw ending();
    const ring = new Ring(Math.max(0, last - this.#settings.before), this.#settings.ring);
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const heartbeats = setInterval(() => this.#beat(), this.#settings.heartbeatMs).unref();
    signal.addEventListener('abort', () => clearInterval(heartbeats));
    const { againMs } = this.#settings;
    const take = (events: readonly RecordedEvent[]) => this.#give(ring, events, signal);
    const { tell } = this.#options;
    void keepFollowing({ log: this.#log, position: () => ring.end, take, againMs, tell }, signal);
    return ring;
  }

  #unfollow(): void {
    this.#ring = undefined;
    this.#stop.abort();
  }

  /** In small steps: between them the clients take what there is. */
  async #give(ring: Ring, events: readonly RecordedEvent[], signal: AbortSignal): Promise<void> {
    for (let start = 0; start < events.length && !signal.aborted; start += STEP_EVENTS) {
      try {
        ring.append(events.slice(start, start + STEP_EVENTS));
      } finally {
        // What came before a mistake is there.
        for (const client of this.#clients) client.wake();
      }
      await turn();
      await this.#pace(ring, this.#clients, signal);
    }
  }

  #beat(): void {
    for (const client of this.#clients) {
      if (client.beat()) continue;
      this.#options.observer.dropped('stalled');
      client.cut();
    }
  }
}

/** No more is taken from the client than its connection has room for: nothing is kept in the stream. */
function streamOf(client: LiveClient): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await client.next();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => client.leave(),
    },
    { highWaterMark: 0 },
  );
}

function ending(): ProblemError {
  return new ProblemError('overloaded', { detail: 'This process is shutting down.' });
}
