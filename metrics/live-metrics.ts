/** The clients of the live stream. */
import { Counter, Gauge } from 'prom-client';
import type { Metrics } from './registry.ts';

/** Why a client's stream was ended: it was too far behind the log, or had taken nothing for two heartbeats. */
const DROPPED = ['behind', 'stalled'] as const;

export type LiveObserver = {
  /** Told once: how many clients there are can be asked at any time. */
  readonly began: (clients: () => number) => void;
  /** A stream was ended because its client reads too slowly. */
  readonly dropped: (why: (typeof DROPPED)[number]) => void;
};

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
