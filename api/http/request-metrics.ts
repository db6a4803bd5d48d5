/** Tells what was asked for, by the route's pattern, and how it was answered. */
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { ApiEnv } from './problem.ts';

/** Tells of every request. What no route takes is all one: its paths are whatever clients make up. */
export function measuring(requested: (request: ObservedRequest) => void): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const started = performance.now();
    await next();
    const pattern = matchedRoutes(c).findLast(({ path }) => path !== '/*')?.path ?? 'unmatched';
    requested({
      method: c.req.method,
      route: pattern.replaceAll(/:([a-z_]+)/g, '{$1}'),
      status: c.res.status,
      seconds: (performance.now() - started) / 1_000,
    });
  };
}

export type ObservedRequest = {
  readonly method: string;
  /** The pattern, such as `/v1/accounts/:id`. Never a path. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
};
