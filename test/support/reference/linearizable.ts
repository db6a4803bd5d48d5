/**
 * Whether what clients saw can be explained: an order of their operations, one after the other, in which each of them
 * could have been answered as it was. After Wing and Gong, with Lowe's memory of what was tried.
 */
import { hash } from 'node:crypto';

export type Operation<Call, Response> = {
  readonly call: Call;
  /** Undefined if nobody knows: it took effect at some time after it was asked for, or never. */
  readonly response: Response | undefined;
  /** It took effect after this, in any unit of time. */
  readonly from: number;
  /** It took effect before this. Means nothing if the answer is not known. */
  readonly to: number;
  /** Numbers of operations that took effect before it, whatever the times say. */
  readonly after?: readonly number[];
};

export type Model<State, Call, Response> = {
  readonly initial: State;
  /** The state after a call; undefined if it cannot have been answered like that. Without an answer, any will do. */
  readonly step: (state: State, call: Call, response: Response | undefined) => State | undefined;
  /** True for a call that changes nothing, in no state, if it is answered like that. */
  readonly observes: (call: Call, response: Response) => boolean;
  /** The same for states between which no call can tell a difference. */
  readonly key: (state: State) => string;
};

export type Verdict =
  | { readonly explained: true; readonly order: readonly number[] }
  /** The longest order that came to nothing, and the operations one of which had to come next. */
  | { readonly explained: false; readonly order: readonly number[]; readonly stuck: readonly number[] };

/** Beyond this the history is too tangled for a test. */
const TRIES_MAX = 500_000;

/** It would take too long to tell. */
class TooTangled extends Error {
  override readonly name = 'TooTangled';
}

/**
 * Looks for an order that explains a history.
 * @throws TooTangled
 */
export function explain<State, Call, Response>(
  history: readonly Operation<Call, Response>[],
  model: Model<State, Call, Response>,
): Verdict {
  const search = new Search(history, model);
  const explained = search.from(model.initial);
  if (explained) return { explained, order: search.order };
  return { explained, order: search.furthest, stuck: search.stuck };
}

class Search<State, Call, Response> {
  readonly order: number[] = [];
  furthest: readonly number[] = [];
  stuck: readonly number[] = [];
  readonly #history: readonly Operation<Call, Response>[];
  readonly #model: Model<State, Call, Response>;
  /** What came to nothing: which operations were done, and the state then; their digests, since they are long and many. */
  readonly #tried = new Set<string>();
  readonly #done = new Set<number>();
  #bits = 0n;

  constructor(history: readonly Operation<Call, Response>[], model: Model<State, Call, Response>) {
    this.#history = history;
    this.#model = model;
  }

  from(state: State): boolean {
    const tried = hash('sha1', `${this.#bits.toString(36)} ${this.#model.key(state)}`, 'base64');
    if (this.#tried.has(tried)) return false;
    if (this.#tried.size >= TRIES_MAX) throw new TooTangled(`No order was found in ${TRIES_MAX} tries`);
    this.#tried.add(tried);
    const next = this.#next();
    if (next === undefined) return true;
    const branches: { number: number; after: State }[] = [];
    for (const number of next) {
      const { call, response } = this.#history[number] ?? fail();
      const after = this.#model.step(state, call, response);
      if (after === undefined) continue;
      // What only looks may as well look now: nothing that comes later is in its way, and it is in nobody's.
      if (response !== undefined && this.#model.observes(call, response)) return this.#take(number, after);
      branches.push({ number, after });
    }
    if (this.order.length >= this.furthest.length) {
      this.furthest = [...this.order];
      this.stuck = next.filter((number) => this.#history[number]?.response !== undefined);
    }
    return branches.some(({ number, after }) => this.#take(number, after));
  }

  #take(number: number, after: State): boolean {
    const bit = 1n << BigInt(number);
    this.order.push(number);
    this.#done.add(number);
    this.#bits |= bit;
    if (this.from(after)) return true;
    this.order.pop();
    this.#done.delete(number);
    this.#bits &= ~bit;
    return false;
  }

  /** What may come next; undefined if all that was answered has come. */
  #next(): number[] | undefined {
    const open = [...this.#history.keys()].filter((number) => !this.#done.has(number));
    let due = Infinity;
    let finished = true;
    for (const number of open) {
      const { response, to } = this.#history[number] ?? fail();
      if (response === undefined) continue;
      finished = false;
      due = Math.min(due, to);
    }
    if (finished) return undefined;
    return open.filter((number) => {
      const { from, after = [] } = this.#history[number] ?? fail();
      return from <= due && after.every((other) => this.#done.has(other));
    });
  }
}

function fail(): never {
  throw new Error('There is no such operation');
}
