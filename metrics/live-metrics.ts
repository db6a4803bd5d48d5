/** The clients of the live stream. */
import { Counter, Gauge } from 'prom-client';
import { DROPPED, type LiveObserver } from '../api/live/observer.ts';
import type { Metrics } from './registry.ts';

/** Measures what it is told of the live stream. */
export function liveMetrics({ registry, beforeShowing }: Metrics): LiveObserver {
  const registers = [registry];
  const clients = new Gauge({
    name: 'tallybook_live_clients',
    help: 'Live streams of events that are open.',
    registers,
  });
  const dropped = new Counter({
    name: 'tallybook_live_clients_dropped_total',
    help: 'Live streams that were ended because their clients read too slowly.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of DROPPED) dropped.inc({ reason }, 0);
  return {
    began: (count) => beforeShowing(async () => clients.set(count())),
    dropped: (reason) => dropped.inc({ reason }),
  };
}
