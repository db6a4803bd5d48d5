/** The appender's queue, its batches and the outcomes of its commands. */
import { Counter, Gauge, Histogram } from 'prom-client';
import { COMMAND_OUTCOMES, type AppenderObserver } from '../eventlog/append/appender-observer.ts';
import type { Metrics } from './registry.ts';

/** From one sync of a good disk to the appender's own time-out. */
const APPEND_BUCKETS = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2];

/** Measures what it is told of an appender. */
export function appenderMetrics({ registry, beforeShowing }: Metrics): AppenderObserver {
  const registers = [registry];
  const depth = new Gauge({
    name: 'tallybook_appender_queue_depth',
    help: 'Commands that wait in the appender.',
    registers,
  });
  const max = new Gauge({
    name: 'tallybook_appender_queue_max',
    help: 'Commands that may wait before more are refused as overloaded.',
    registers,
  });
  const batches = new Counter({
    name: 'tallybook_appender_batches_total',
    help: 'Batches that the log has stored.',
    registers,
  });
  const events = new Counter({
    name: 'tallybook_appender_events_total',
    help: 'Messages in the stored batches: events, and the receipts of account commands with a key.',
    registers,
  });
  const conflicts = new Counter({
    name: 'tallybook_appender_conflicts_total',
    help: 'Batches that the log refused since another writer had been there: decided again.',
    registers,
  });
  const unknown = new Counter({
    name: 'tallybook_appender_unknown_outcomes_total',
    help: 'Batches without a clear answer from the log: read back.',
    registers,
  });
  const seconds = new Histogram({
    name: 'tallybook_appender_append_duration_seconds',
    help: 'From sending a batch to the answer of the log, whatever it was.',
    buckets: APPEND_BUCKETS,
    registers,
  });
  const commands = new Counter({
    name: 'tallybook_appender_commands_total',
    help: 'Commands by their outcome; one that Temporal tries again counts each time.',
    labelNames: ['outcome'],
    registers,
  });
  // A series that is there from the start shows its first increase as one.
  for (const outcome of COMMAND_OUTCOMES) commands.inc({ outcome }, 0);
  return {
    began(queue) {
      max.set(queue.max);
      beforeShowing(async () => depth.set(queue.depth()));
    },
    appended(append) {
      seconds.observe(append.seconds);
      if (append.result === 'conflict') conflicts.inc();
      if (append.result === 'unknown') unknown.inc();
      if (append.result !== 'stored') return;
      batches.inc();
      events.inc(append.messages);
    },
    carriedOut: (outcome) => commands.inc({ outcome }),
  };
}
