/** When a delivery that failed is tried again. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The pauses that Standard Webhooks proposes: ten attempts over three days. */
export const RETRY_PAUSES_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** Up to this part of a pause is added, so that what failed together does not come back together. */
const JITTER = 0.2;
/** A receiver may ask for a longer pause, but not for one that never ends. */
const RETRY_AFTER_MAX_MS = 24 * HOUR;

/**
 * The pause after an attempt that failed; undefined if it was the last one.
 * @param tries attempts so far
 * @param retryAfterMs what the receiver asked for
 */
export function pauseAfter(
  tries: number,
  { pauses, retryAfterMs = 0 }: { pauses: readonly number[]; retryAfterMs?: number | undefined },
  random: () => number = Math.random,
): number | undefined {
  const pause = pauses[tries - 1];
  if (pause === undefined) return undefined;
  const jittered = pause * (1 + JITTER * random());
  return Math.round(Math.max(jittered, Math.min(retryAfterMs, RETRY_AFTER_MAX_MS)));
}
