/** What must be refused before anything behind the API is reached. */
import { expect } from 'vitest';
import { createApp } from '../../api/app.ts';
import type { Problem } from '../../contracts/http.ts';
import { isProblemCode, PROBLEMS } from '../../contracts/problems.ts';
import { untouchable } from './fixtures.ts';

export const KEY = { 'idempotency-key': 'order-42' };
export const transfer = { source: 'alice', destination: 'bob', amount: '1050', currency: 'EUR' };
export const deposit = { account: 'alice', amount: '1050', currency: 'EUR' };
export const hold = { account: 'alice', amount: '1050', currency: 'EUR' };
export const transaction = {
  entries: [
    { account: 'alice', direction: 'debit' as const, amount: '1050', currency: 'EUR' },
    { account: 'bob', direction: 'credit' as const, amount: '1050', currency: 'EUR' },
  ],
};
export const account = { id: 'alice', owner: 'Alice', currency: 'EUR' };

/** Sends a request that must be refused without reaching anything; gives the problem, checked for its shape. */
export async function refusal(
  path: string,
  init?: RequestInit,
): Promise<{ problem: Problem; response: Response }> {
  const { deps, touched } = untouchable();
  const response = await createApp(deps).request(path, init);
  const text = await response.text();
  expect(touched).toEqual([]);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('x-request-id')).toBeTruthy();
  // However much was sent, little of it comes back.
  expect(text.length).toBeLessThan(20_000);
  const problem: Problem = JSON.parse(text);
  const { code } = problem;
  expect(isProblemCode(code)).toBe(true);
  if (!isProblemCode(code)) throw new Error(code);
  expect(problem).toMatchObject({
    type: `urn:tallybook:problem:${code}`,
    title: PROBLEMS[code].title,
    status: PROBLEMS[code].status,
    instance: new URL(path, 'http://localhost').pathname,
  });
  expect(response.status).toBe(PROBLEMS[code].status);
  if (code === 'invalid_request') expect(problem.errors?.length).toBeGreaterThan(0);
  return { problem, response };
}

/** The code of that problem. */
export async function codeOf(path: string, init?: RequestInit): Promise<string> {
  return (await refusal(path, init)).problem.code;
}

/** The same of a route by its method and path; without a method it is POST. */
export function codeTo(route: string, init: RequestInit): Promise<string> {
  const [path = '', method = 'POST'] = route.split(' ').toReversed();
  return codeOf(path, { ...init, method });
}
