/** Everything that is measured in one process, in Prometheus' text format. Only `metrics/` knows Prometheus. */
import { collectDefaultMetrics, Registry } from 'prom-client';

/** Brings gauges up to date that are asked for, not counted. Must not throw. */
export type Refresh = () => Promise<void>;

export type Metrics = {
  readonly registry: Registry;
  /** Adds something to be done before the metrics are shown. */
  readonly beforeShowing: (refresh: Refresh) => void;
  /** All metrics as text, and the content type that it has. */
  readonly show: () => Promise<{ readonly contentType: string; readonly text: string }>;
};

/** Makes a registry that has the process's own metrics: memory, CPU, the event loop's lag. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const refreshes: Refresh[] = [];
  return {
    registry,
    beforeShowing: (refresh) => void refreshes.push(refresh),
    async show() {
      await Promise.all(refreshes.map((refresh) => refresh()));
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
