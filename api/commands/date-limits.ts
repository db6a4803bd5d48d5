/** How far ahead something may be planned. */
import { invalidRequest } from '../http/problem.ts';

/** What is further away than this is more likely a mistake. */
const YEARS_AHEAD_MAX = 10;

/**
 * @param path where the date, RFC 3339, stands in the request
 * @throws ProblemError if it is too far away
 */
export function requireNearDate(path: string, date: string | undefined, now: Date): void {
  const latest = new Date(now);
  latest.setUTCFullYear(latest.getUTCFullYear() + YEARS_AHEAD_MAX);
  if (date === undefined || Date.parse(date) <= latest.getTime()) return;
  throw invalidRequest({ path, message: `must be at most ${YEARS_AHEAD_MAX} years ahead` });
}
