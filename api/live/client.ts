/**
 * One client of the live stream. It has no queue of its own: it keeps a position, and takes what comes next when its
 * connection has room, first from the log by pages, then from the ring that all clients share. What a client costs is so
 * one chunk, however slow it is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEventType, type RecordedEvent } from '../../contracts/events.ts';
import type { EventFilter, EventReader } from '../../eventlog/read/event-reader.ts';
import { endFrame, eventFrame, heartbeatFrame, startFrame, type EndReason } from './frames.ts';
import type { Framed, LiveEvent, Ring } from './ring.ts';
import type { Turns } from './turns.ts';

/** A chunk ends with the event that reaches this size. */
const CHUNK_BYTES = 32 * 1024;
/** Events that are asked of the log at once. */
const PAGE_EVENTS = 50;
/** How long a replica of the log that is behind the others gets to catch up. */
const REPLICA_WAIT_MS = 10;
/** A client that has taken nothing between so many heartbeats does not read. */
const HEARTBEATS_MISSED_MAX = 2;

export type ClientOptions = {
  readonly log: Pick<EventReader, 'read' | 'nextPosition'>;
  readonly turns: Turns;
  readonly ring: Ring;
  readonly filter: EventFilter;
  /** Where it begins, and whether the client has to be told. */
  readonly start: { readonly position: number; readonly announced: boolean };
  /** Told once, when it is decided that the stream ends. */
  readonly ending: (reason: EndReason) => void;
  /** Told once, when nothing more will be taken. */
  readonly left: () => void;
  /** Cuts its connection. */
  readonly cut: () => void;
  readonly tell: (line: string) => void;
};

export class LiveClient {
  readonly #options: ClientOptions;
  readonly #matches: (event: LiveEvent) => boolean;
  #position: number;
  /** The last id that was written. */
  #lastId: number;
  #begun = false;
  #live = false;
  #pulling = false;
  #beat = false;
  #missed = 0;
  #ending: EndReason | undefined;
  #left = false;
  #wake = () => {};

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#matches = matching(options.filter);
    this.#position = options.start.position;
    this.#lastId = options.start.position;
  }

  /** Everything up to here that it asked for has been handed over. */
  get position(): number {
    return this.#position;
  }

  /** Whether it has reached the ring. Before that, nothing that happens can overtake it. */
  get live(): boolean {
    return this.#live;
  }

  /** What to send next, as soon as there is something; undefined at the end. Called when the connection has room. */
  async next(): Promise<Buffer | undefined> {
    this.#missed = 0;
    this.#pulling = true;
    try {
      const chunk = await this.#chunk();
      if (chunk === undefined) this.leave();
      return chunk;
    } finally {
      this.#pulling = false;
      this.#beat = false;
    }
  }

  /** There may be more in the ring. */
  wake(): void {
    this.#wake();
  }

  /** Gives a sign of life if nothing else is to be sent. False if the client does not read. */
  beat(): boolean {
    if (this.#pulling) {
      this.#beat = true;
      this.#wake();
      return true;
    }
    this.#missed += 1;
    return this.#missed < HEARTBEATS_MISSED_MAX;
  }

  /** Ends the stream, with a last word. */
  end(reason: EndReason): void {
    if (this.#ending !== undefined || this.#left) return;
    this.#ending = reason;
    this.#options.ending(reason);
    this.#wake();
  }

  /** Ends it without a word: nobody listens. */
  cut(): void {
    this.leave();
    this.#options.cut();
  }

  /** The client is gone. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#options.left();
    this.#wake();
  }

  async #chunk(): Promise<Buffer | undefined> {
    if (!this.#begun) return this.#start();
    for (;;) {
      if (this.#left) return undefined;
      if (this.#ending !== undefined) return this.#end(this.#ending);
      const inRing = this.#options.ring.covers(this.#position);
      const chunk = await (inRing ? this.#fromRing() : this.#outsideRing());
      if (chunk !== undefined) return chunk;
    }
  }

  #start(): Buffer {
    this.#begun = true;
    return startFrame(this.#options.start.announced ? this.#position : undefined);
  }

  #end(reason: EndReason): Buffer {
    this.leave();
    return endFrame(reason, this.#position);
  }

  #fromRing(): Buffer | Promise<undefined> {
    this.#live = true;
    const { events, position } = this.#options.ring.take(this.#position, this.#matches, CHUNK_BYTES);
    this.#position = position;
    if (events.length > 0) return this.#written(events);
    return this.#beat ? this.#heartbeat() : this.#woken();
  }

  #written(events: readonly Framed[]): Buffer {
    this.#lastId = events.at(-1)?.position ?? this.#lastId;
    const [first] = events;
    return events.length === 1 && first ? first.frame : Buffer.concat(events.map(({ frame }) => frame));
  }

  #heartbeat(): Buffer {
    const moved = this.#position > this.#lastId;
    this.#lastId = this.#position;
    return heartbeatFrame(moved ? this.#position : undefined);
  }

  async #woken(): Promise<undefined> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = () => {};
  }

  /** A client that comes from the past reads the log; one that has been live has read too slowly. */
  async #outsideRing(): Promise<Buffer | undefined> {
    if (this.#live) {
      this.end('behind');
      return undefined;
    }
    try {
      return await this.#fromLog();
    } catch (error) {
      this.#options.tell(`A live stream ends since the log could not be read: ${String(error)}`);
      this.end('unavailable');
      return undefined;
    }
  }

  async #fromLog(): Promise<Buffer | undefined> {
    const { log, turns, ring, filter } = this.#options;
    // Asked for first: everything up to here is in the log by now.
    const { floor } = ring;
    const page = await turns(() => log.read(this.#position, PAGE_EVENTS, filter));
    const events = firstOf(page);
    const last = events.at(-1);
    if (last === undefined) return this.#skipTo(floor);
    this.#position = last.position;
    return this.#written(events);
  }

  /** Goes on to the ring if the log has nothing up to there. A replica may not have it yet, so its leader is asked. */
  async #skipTo(floor: number): Promise<undefined> {
    const { log, turns, filter } = this.#options;
    const next = await turns(() => log.nextPosition(this.#position, filter));
    if (next === undefined || next > floor) this.#position = Math.max(this.#position, floor);
    else await sleep(REPLICA_WAIT_MS);
  }
}

/** A chunk of a page. The rest is read again: a client that does not read must not keep all of it waiting here. */
function firstOf(page: readonly RecordedEvent[]): readonly Framed[] {
  const events: Framed[] = [];
  let bytes = 0;
  for (const event of page) {
    if (bytes >= CHUNK_BYTES) break;
    const frame = eventFrame(event);
    events.push({ position: event.position, frame });
    bytes += frame.length;
  }
  return events;
}

/** The same events as a page with this filter has. */
function matching({ account, type }: EventFilter): (event: LiveEvent) => boolean {
  const name = type === undefined ? undefined : parseEventType(type)?.name;
  return (event) =>
    (account === undefined || event.account === account) && (type === undefined || event.name === name);
}
