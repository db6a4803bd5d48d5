/** How far the read model is behind the log, as a whole and each projection by itself. */
import { Gauge } from 'prom-client';
import type { ProjectionResource } from '../contracts/projections.ts';
import type { Metrics } from './registry.ts';

/** Positions as far as they are known now; `undefined` where nobody answers. */
export type Positions = {
  readonly log: number | undefined;
  /** What all projections have reached. */
  readonly readModel: number | undefined;
  readonly projections?: readonly ProjectionResource[];
};

/** Shows positions, asked for whenever somebody looks. What is not known is not shown: zero would be a lie. */
export function projectorMetrics({ registry, beforeShowing }: Metrics, ask: () => Promise<Positions>): void {
  const registers = [registry];
  const gauges = {
    log: new Gauge({ name: 'tallybook_log_position', help: 'The last position of the log.', registers }),
    readModel: new Gauge({
      name: 'tallybook_projector_position',
      help: 'The position of the log that the read model shows.',
      registers,
    }),
    lag: new Gauge({
      name: 'tallybook_projector_lag_events',
      help: 'Positions of the log that the read model does not show yet.',
      registers,
    }),
  };
  const showEach = projectionGauges(registry);
  beforeShowing(async () => {
    const { log, readModel, projections = [] } = await ask();
    const known = log !== undefined && readModel !== undefined;
    show(gauges.log, log);
    show(gauges.readModel, readModel);
    show(gauges.lag, known ? Math.max(0, log - readModel) : undefined);
    showEach(projections);
  });
}

function projectionGauges(registry: Metrics['registry']): (all: readonly ProjectionResource[]) => void {
  const gauge = (name: string, help: string) =>
    new Gauge({
      name: `tallybook_projection_${name}`,
      help,
      labelNames: ['projection'],
      registers: [registry],
    });
  const position = gauge('position', 'The position of the log that the projection shows.');
  const events = gauge('lag_events', 'Positions of the log that the projection does not show yet.');
  const seconds = gauge(
    'lag_seconds',
    'How long the oldest event has waited that the projection does not show.',
  );
  const parked = gauge('parked', 'Commands whose events could not be applied. Alert when it is not 0.');
  const stopped = gauge('stopped', '1 if it has stopped at an event that it cannot apply. Alert on 1.');
  return (all) => {
    for (const each of [position, events, seconds, parked, stopped]) each.reset();
    for (const { name: projection, ...its } of all) {
      position.set({ projection }, its.position);
      parked.set({ projection }, its.parked);
      stopped.set({ projection }, its.status === 'stopped' ? 1 : 0);
      if (its.lag_events !== null) events.set({ projection }, its.lag_events);
      if (its.lag_seconds !== null) seconds.set({ projection }, its.lag_seconds);
    }
  };
}

function show(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
}
