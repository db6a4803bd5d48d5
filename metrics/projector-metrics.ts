/** How far the read model is behind the log. */
import { Gauge } from 'prom-client';
import type { Metrics } from './registry.ts';

/** Positions as far as they are known now; `undefined` where nobody answers. */
export type Positions = { readonly log: number | undefined; readonly readModel: number | undefined };

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
  beforeShowing(async () => {
    const { log, readModel } = await ask();
    const known = log !== undefined && readModel !== undefined;
    show(gauges.log, log);
    show(gauges.readModel, readModel);
    show(gauges.lag, known ? Math.max(0, log - readModel) : undefined);
  });
}

function show(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
}
