/** Money inside: whole minor units (cents) as `bigint`. Outside it is a decimal string; see `contracts/http.ts`. */

/** The largest sum that any balance may reach, either way: what fits a signed 64-bit column. */
export const AMOUNT_MAX = 2n ** 63n - 1n;

/** True if a sum is too large, in either direction, to be kept. */
export function overflows(sum: bigint): boolean {
  return sum > AMOUNT_MAX || sum < -AMOUNT_MAX;
}
