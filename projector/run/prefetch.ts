/** Reads ahead: what comes while the caller is busy waits, and is then given together. */

export type PrefetchOptions = {
  /** An array is joined to those before it only if together they have no more items than this. */
  readonly max: number;
  /** Ends the source. Called when the caller has had enough; the source may be waiting then. */
  readonly stop: () => void;
};

/** Joins arrays in order, never cutting one. The source is asked for more only while fewer than `max` items wait. */
export async function* prefetch<Item>(
  source: AsyncIterable<readonly Item[]>,
  { max, stop }: PrefetchOptions,
): AsyncGenerator<readonly Item[]> {
  const waiting: (readonly Item[])[] = [];
  const count = () => waiting.reduce((sum, { length }) => sum + length, 0);
  const state = { ended: false };
  let changed = signal();
  let room = signal();
  const reading = (async () => {
    try {
      for await (const some of source) {
        waiting.push(some);
        changed.set();
        while (count() >= max && !state.ended) await room.promise;
        if (state.ended) return;
      }
    } finally {
      state.ended = true;
      changed.set();
    }
  })();
  // It is awaited at the end; until then an error is nobody's unhandled rejection.
  reading.catch(() => {});
  try {
    for (;;) {
      while (waiting.length === 0 && !state.ended) {
        await changed.promise;
        changed = signal();
      }
      if (waiting.length === 0) break;
      const some = takeJoined(waiting, max);
      room.set();
      room = signal();
      yield some;
    }
  } finally {
    state.ended = true;
    room.set();
    stop();
  }
  await reading;
}

/** Takes the first array out, and what fits beside it. */
function takeJoined<Item>(waiting: (readonly Item[])[], max: number): readonly Item[] {
  const first = waiting.shift() ?? [];
  const joined = [...first];
  for (let next = waiting[0]; next && joined.length + next.length <= max; next = waiting[0]) {
    joined.push(...next);
    waiting.shift();
  }
  return joined;
}

/** Something to wait for. */
function signal(): { readonly promise: Promise<void>; readonly set: () => void } {
  let settle: (() => void) | undefined;
  const promise = new Promise<void>((resolve) => (settle = resolve));
  return { promise, set: () => settle?.() };
}
