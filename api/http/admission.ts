/** Refuses queries when too many are under way. What commands may wait is told in `api/temporal/coalescer.ts`. */
import type { Context, MiddlewareHandler } from 'hono';
import { ProblemError, type ApiEnv } from './problem.ts';

/** The read model does not answer more in time: who waited behind them would make everybody late, probes included. */
export const QUERIES_MAX = 1_000;

/** Lets so many queries in at once. Live streams have a bound of their own, and probes are always answered. */
export function admission(): MiddlewareHandler<ApiEnv> {
  let underWay = 0;
  return async (c, next) => {
    if (!isQuery(c)) return next();
    if (underWay >= QUERIES_MAX) {
      throw new ProblemError('overloaded', { detail: `${QUERIES_MAX} queries are already running.` });
    }
    underWay += 1;
    try {
      await next();
    } finally {
      underWay -= 1;
    }
  };
}

function isQuery({ req }: Context<ApiEnv>): boolean {
  if (req.method !== 'GET' || !req.path.startsWith('/v1/')) return false;
  return req.header('accept')?.includes(EVENT_STREAM) !== true;
}

export const EVENT_STREAM = 'text/event-stream';
