/** Requests by the route's pattern, so that the number of series does not grow with what clients ask for. */
import { Counter, Histogram } from 'prom-client';
import type { ObservedRequest } from '../api/http/request-metrics.ts';
import type { Metrics } from './registry.ts';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const REQUEST_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Measures the requests that it is told of. */
export function httpMetrics({ registry }: Metrics): (request: ObservedRequest) => void {
  const registers = [registry];
  const requests = new Counter({
    name: 'tallybook_http_requests_total',
    help: 'Requests that were answered.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const duration = new Histogram({
    name: 'tallybook_http_request_duration_seconds',
    help: 'Until the answer began.',
    labelNames: ['method', 'route'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  return ({ method: requested, route, status, seconds }) => {
    const method = METHODS.has(requested) ? requested : 'other';
    requests.inc({ method, route, status });
    duration.observe({ method, route }, seconds);
  };
}
