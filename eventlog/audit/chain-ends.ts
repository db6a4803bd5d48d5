/**
 * Where the chain of every aggregate ends. A log has millions of aggregates, nearly all of them transfers that have
 * ended, so each takes 90 to 190 bytes in a hash table of plain numbers, and not several hundred in a `Map`.
 */
import { hash } from 'node:crypto';
import { PHASES, type Phase } from './event-rules.ts';

/** A table grows when it is this full. */
const LOAD_MAX = 0.7;
const CAPACITY_FIRST = 1 << 12;
/** Keys are hashes cut to 128 bits: far beyond what chance brings to collide. */
const KEY_WORDS = 4;
const HASH_WORDS = 8;

type Key = readonly [number, number, number, number];

type Columns = {
  readonly keys: Uint32Array;
  readonly hashes: Uint32Array;
  readonly positions: Float64Array;
  /** 0: the slot is free. */
  readonly versions: Uint32Array;
  /** Places in `PHASES`. */
  readonly phases: Uint8Array;
  readonly terms: Uint32Array;
};

export type Link = {
  readonly version: number;
  /** Hex. */
  readonly hash: string;
  readonly position: number;
  readonly phase: Phase;
  /** A digest of what was asked for, where that stays the same; 0 where nothing does. */
  readonly terms: number;
};

export class ChainEnds {
  #columns = columnsOf(CAPACITY_FIRST);
  #size = 0;

  /** The number of aggregates. */
  get size(): number {
    return this.#size;
  }

  /** The slot of an aggregate. It is good until the next call. */
  slotOf(aggregate: string): number {
    if (this.#size + 1 > LOAD_MAX * this.#columns.versions.length) this.#grow();
    return slotIn(this.#columns, keyOf(aggregate));
  }

  /** The version of the aggregate's last event; 0 before the first. */
  version(slot: number): number {
    return this.#columns.versions[slot] ?? 0;
  }

  /** The position of the aggregate's last event; 0 before the first. */
  position(slot: number): number {
    return this.#columns.positions[slot] ?? 0;
  }

  /** The phase that the aggregate's last event has left it in; `none` before the first. */
  phase(slot: number): Phase {
    return PHASES[this.#columns.phases[slot] ?? 0] ?? 'none';
  }

  /** The digest that the aggregate's last event had; 0 before the first. */
  terms(slot: number): number {
    return this.#columns.terms[slot] ?? 0;
  }

  /** Whether this is the hash of the aggregate's last event; before the first that is a hash of zeros. */
  endsWith(slot: number, hex: string): boolean {
    const { hashes } = this.#columns;
    for (let word = 0; word < HASH_WORDS; word += 1) {
      if (hashes[slot * HASH_WORDS + word] !== wordOf(hex, word)) return false;
    }
    return hex.length === HASH_WORDS * HEX_DIGITS;
  }

  /** Puts the next event at the end of the chain of an aggregate. */
  append(slot: number, aggregate: string, link: Link): void {
    const { version, hash: hex, position } = link;
    const { keys, hashes, positions, versions, phases, terms } = this.#columns;
    if (versions[slot] === 0) {
      keys.set(keyOf(aggregate), slot * KEY_WORDS);
      this.#size += 1;
    }
    for (let word = 0; word < HASH_WORDS; word += 1) hashes[slot * HASH_WORDS + word] = wordOf(hex, word);
    positions[slot] = position;
    versions[slot] = version;
    phases[slot] = PHASES.indexOf(link.phase);
    terms[slot] = link.terms;
  }

  #grow(): void {
    const old = this.#columns;
    const wide = columnsOf(old.versions.length * 2);
    for (let from = 0; from < old.versions.length; from += 1) {
      if (old.versions[from] === 0) continue;
      const key = old.keys.subarray(from * KEY_WORDS, (from + 1) * KEY_WORDS);
      const to = slotIn(wide, [key[0] ?? 0, key[1] ?? 0, key[2] ?? 0, key[3] ?? 0]);
      wide.keys.set(key, to * KEY_WORDS);
      wide.hashes.set(old.hashes.subarray(from * HASH_WORDS, (from + 1) * HASH_WORDS), to * HASH_WORDS);
      wide.positions[to] = old.positions[from] ?? 0;
      wide.versions[to] = old.versions[from] ?? 0;
      wide.phases[to] = old.phases[from] ?? 0;
      wide.terms[to] = old.terms[from] ?? 0;
    }
    this.#columns = wide;
  }
}

function columnsOf(capacity: number): Columns {
  return {
    keys: new Uint32Array(capacity * KEY_WORDS),
    hashes: new Uint32Array(capacity * HASH_WORDS),
    positions: new Float64Array(capacity),
    versions: new Uint32Array(capacity),
    phases: new Uint8Array(capacity),
    terms: new Uint32Array(capacity),
  };
}

/** The slot that has the key, or the free one where it belongs. The capacity is a power of two. */
function slotIn({ keys, versions }: Columns, [a, b, c, d]: Key): number {
  const last = versions.length - 1;
  for (let slot = a & last; ; slot = (slot + 1) & last) {
    if (versions[slot] === 0) return slot;
    const at = slot * KEY_WORDS;
    if (keys[at] === a && keys[at + 1] === b && keys[at + 2] === c && keys[at + 3] === d) return slot;
  }
}

function keyOf(aggregate: string): Key {
  const digest = hash('sha256', aggregate, 'buffer');
  return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)];
}

const HEX_DIGITS = 8;

/** A word of a hash in hex. What is not hex becomes a number that is no word, and so equals none. */
function wordOf(hex: string, word: number): number {
  return Number(`0x${hex.slice(word * HEX_DIGITS, (word + 1) * HEX_DIGITS)}`);
}
