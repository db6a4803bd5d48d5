/**
 * When the requests of an open loop are due. They come evenly, whatever has become of those before: a server that stalls
 * finds them all waiting, and the wait of each counts from when it was due, not from when it could be sent.
 */

/** When the request with this number, from 0 on, is due, in milliseconds from the start. */
export function dueAt(index: number, perSecond: number): number {
  return (index * 1_000) / perSecond;
}

/** How many requests are due by then, the one at the start included. */
export function countDue(elapsedMs: number, perSecond: number): number {
  if (elapsedMs < 0) return 0;
  let count = Math.floor((elapsedMs * perSecond) / 1_000) + 1;
  // Rounding may be off by one either way.
  while (dueAt(count - 1, perSecond) > elapsedMs) count -= 1;
  while (dueAt(count, perSecond) <= elapsedMs) count += 1;
  return count;
}
