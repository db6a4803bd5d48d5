/** What all clients know of the ledger: accounts, and what can be answered, captured or reversed. */
import type { Move } from './record.ts';

/** A list that forgets what is old. */
class Known<Thing> {
  readonly #things: Thing[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  add(thing: Thing): void {
    this.#things.push(thing);
    if (this.#things.length > this.#max) this.#things.shift();
  }

  /** Takes one out; some stay in, so that several clients may do something to the same thing. */
  take(index: (length: number) => number, keep: boolean): Thing | undefined {
    if (this.#things.length === 0) return undefined;
    const at = index(this.#things.length);
    return keep ? this.#things[at] : this.#things.splice(at, 1)[0];
  }
}

export type PostedTransfer = {
  readonly id: string;
  readonly source: string;
  readonly destination: string;
  readonly amount: bigint;
};
export type ActiveHold = { readonly id: string; readonly account: string; readonly amount: bigint };

export class World {
  readonly accounts: string[] = [];
  /** Among the accounts: those that a good part of the transfers goes to and from. */
  readonly hot: string[] = [];
  readonly posted = new Known<PostedTransfer>(200);
  readonly waiting = new Known<string>(50);
  readonly holds = new Known<ActiveHold>(50);
  /** The highest position that anybody was answered. */
  position = 0;
}

/** What a transfer between two accounts moves. */
export function between(source: string, destination: string, amount: bigint): readonly Move[] {
  return [
    [source, -amount],
    [destination, amount],
  ];
}
