/** Which accounts pay which. */
import type { Pattern } from './task.ts';

/** A source and a destination that differ, as indexes below `accounts`. */
export function choose(
  pattern: Pattern,
  accounts: number,
): () => readonly [source: number, destination: number] {
  const any = () => Math.floor(Math.random() * accounts);
  const other = (one: number) => (one + 1 + Math.floor(Math.random() * (accounts - 1))) % accounts;
  switch (pattern) {
    case 'uniform':
      return () => {
        const source = any();
        return [source, other(source)];
      };
    case 'zipf': {
      const draw = zipf(accounts);
      return () => {
        const source = draw();
        let destination = draw();
        if (destination === source) destination = other(source);
        return [source, destination];
      };
    }
    case 'hot source':
      return () => [0, other(0)];
    case 'hot destination':
      return () => [other(0), 0];
  }
}

/** Zipf's law with exponent 1: the n-th account is drawn 1/n times as often as the first. */
function zipf(count: number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let index = 0; index < count; index++) sums[index] = sum += 1 / (index + 1);
  return () => {
    const wanted = Math.random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
