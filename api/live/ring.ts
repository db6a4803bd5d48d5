/** The latest events of the log, bounded: what all live clients read from, each from its own place. */
import { assert } from '../../domain/assert.ts';
import type { EventName, RecordedEvent } from '../../contracts/events.ts';
import { eventFrame } from './frames.ts';

/** An event as it is sent. */
export type Framed = { readonly position: number; readonly frame: Buffer };

/** An event, written once for all clients. */
export type LiveEvent = Framed & {
  readonly name: EventName;
  /** The account that it happened to, if it was one. */
  readonly account: string | undefined;
};

export type RingLimits = { readonly events: number; readonly bytes: number };

/** What a client takes, and the position that it has come to with it. */
export type RingPage = { readonly events: readonly LiveEvent[]; readonly position: number };

export class Ring {
  readonly #limits: RingLimits;
  readonly #events: LiveEvent[] = [];
  #bytes = 0;
  #floor: number;
  #end: number;

  /** @param floor it will hold what comes after this position */
  constructor(floor: number, limits: RingLimits) {
    this.#floor = floor;
    this.#end = floor;
    this.#limits = limits;
  }

  /** All published events after this position, up to `end`, are here. */
  get floor(): number {
    return this.#floor;
  }

  /** How far the log is known. */
  get end(): number {
    return this.#end;
  }

  /**
   * Adds what comes next in the log, and lets go of the oldest.
   * @throws Error if something is missing in between
   */
  append(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      // What was delivered again is here already.
      if (event.position <= this.#end) continue;
      assert(event.position === this.#end + 1, `after position ${this.#end} comes ${event.position}`);
      this.#end = event.position;
      // Receipts are stored, but not published.
      if (event.aggregate !== 'command') this.#add(event);
    }
    this.#evict();
  }

  /** Whether everything after a position can be taken from here. */
  covers(position: number): boolean {
    return position >= this.#floor;
  }

  /**
   * Events after a position in order: those that match, until they have so many bytes. It has come to the end when the
   * position that it gives is `end`.
   */
  take(after: number, matches: (event: LiveEvent) => boolean, bytesMax: number): RingPage {
    const events: LiveEvent[] = [];
    let bytes = 0;
    for (let index = this.#indexAfter(after); index < this.#events.length; index += 1) {
      const event = this.#events[index];
      if (event === undefined || !matches(event)) continue;
      events.push(event);
      bytes += event.frame.length;
      if (bytes >= bytesMax) return { events, position: event.position };
    }
    // A client may know of more than has come here yet.
    return { events, position: Math.max(after, this.#end) };
  }

  /** Who is not at this position yet has more before it than half of what the ring can hold. */
  middle(): number {
    let bytes = 0;
    for (let count = 1; count <= this.#events.length; count += 1) {
      const event = this.#events[this.#events.length - count];
      bytes += event?.frame.length ?? 0;
      if (bytes > this.#limits.bytes / 2 || count > this.#limits.events / 2) return event?.position ?? 0;
    }
    return this.#floor;
  }

  #add(event: RecordedEvent): void {
    const { position, name, aggregate, aggregateId } = event;
    const frame = eventFrame(event);
    const account = aggregate === 'account' ? aggregateId : undefined;
    this.#events.push({ position, name, account, frame });
    this.#bytes += frame.length;
  }

  #evict(): void {
    let gone = 0;
    while (this.#events.length - gone > this.#limits.events || this.#bytes > this.#limits.bytes) {
      const event = this.#events[gone];
      if (event === undefined) break;
      this.#bytes -= event.frame.length;
      this.#floor = event.position;
      gone += 1;
    }
    if (gone > 0) this.#events.splice(0, gone);
  }

  /** Where the first event after a position is. */
  #indexAfter(position: number): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.position ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
