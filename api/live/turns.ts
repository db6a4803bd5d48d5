/** Lets only so many do something at once; the others wait their turn. */

export type Turns = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** @param most how many at once */
export function createTurns(most: number): Turns {
  let busy = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (busy < most) busy += 1;
    // Who is done hands its place on, so `busy` stays as it is.
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) busy -= 1;
      else next();
    }
  };
}
