import { expect, test } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { observed } from '../../eventlog/append/appender-observer.ts';
import type { Appender } from '../../eventlog/append/appender.ts';
import type { Outcome } from '../../eventlog/append/outcome.ts';
import { Overloaded } from '../../eventlog/errors.ts';
import { appenderMetrics } from '../../metrics/appender-metrics.ts';
import { projectorMetrics, type Positions } from '../../metrics/projector-metrics.ts';
import { createMetrics } from '../../metrics/registry.ts';
import { serveMetricsIfConfigured } from '../../metrics/server.ts';

/** What is shown of these metrics, without labels that have only zeros. */
async function shown(metrics: ReturnType<typeof createMetrics>, prefix: string): Promise<string[]> {
  const { text } = await metrics.show();
  return text.split('\n').filter((line) => line.startsWith(prefix) && !/_bucket|_sum| 0$/.test(line));
}

test('commands are counted by what became of them, whoever carried them out', async () => {
  const metrics = createMetrics();
  const refused = { type: 'error', rejection: { code: 'account_not_found', detail: '' } } as const;
  const given: (Outcome | Error)[] = [refused, refused, new Overloaded('full'), new Error('away')];
  const appender: Appender = {
    async submit() {
      const next = given.shift();
      if (next === undefined || next instanceof Error) throw next ?? new Error('Nothing is left.');
      return await Promise.resolve(next);
    },
    depth: () => 3,
    close: () => Promise.resolve(),
  };
  const counted = observed(appender, appenderMetrics(metrics), 10);
  const submission = {} as Parameters<Appender['submit']>[0];
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => counted.submit(submission)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  expect(await shown(metrics, 'tallybook_appender')).toEqual([
    'tallybook_appender_queue_depth 3',
    'tallybook_appender_queue_max 10',
    'tallybook_appender_commands_total{outcome="error"} 2',
    'tallybook_appender_commands_total{outcome="overloaded"} 1',
    'tallybook_appender_commands_total{outcome="unavailable"} 1',
  ]);
});

test('only what was stored counts as a batch; all answers count in the time that they took', async () => {
  const metrics = createMetrics();
  const { appended } = appenderMetrics(metrics);
  appended({ result: 'stored', messages: 3, seconds: 0.003 });
  appended({ result: 'stored', messages: 300, seconds: 0.01 });
  appended({ result: 'conflict', messages: 3, seconds: 0.003 });
  appended({ result: 'unknown', messages: 3, seconds: 2 });
  expect(await shown(metrics, 'tallybook_appender')).toEqual([
    'tallybook_appender_batches_total 2',
    'tallybook_appender_events_total 303',
    'tallybook_appender_conflicts_total 1',
    'tallybook_appender_unknown_outcomes_total 1',
    'tallybook_appender_append_duration_seconds_count 4',
  ]);
});

test('the lag is shown while both ends are known, and comes back when they are again', async () => {
  const metrics = createMetrics();
  let positions: Positions = { log: 9, readModel: 7 };
  projectorMetrics(metrics, () => Promise.resolve(positions));
  const all = [
    'tallybook_log_position 9',
    'tallybook_projector_position 7',
    'tallybook_projector_lag_events 2',
  ];
  const current = async () => [
    ...(await shown(metrics, 'tallybook_log')),
    ...(await shown(metrics, 'tallybook_projector')),
  ];
  expect(await current()).toEqual(all);
  positions = { log: undefined, readModel: 7 };
  expect(await current()).toEqual(all.slice(1, 2));
  positions = { log: 9, readModel: 7 };
  expect(await current()).toEqual(all);
});

test('each projection shows its own lag, what it has parked and whether it has stopped', async () => {
  const metrics = createMetrics();
  const one = {
    version: 1,
    status: 'live',
    parked: 0,
    lag_events: 2,
    lag_seconds: 0.5,
    position: 7,
  } as const;
  let projections: NonNullable<Positions['projections']> = [
    { ...one, name: 'balances' },
    { ...one, name: 'totals', status: 'stopped', error: 'odd', parked: 3, lag_seconds: null },
  ];
  projectorMetrics(metrics, () => Promise.resolve({ log: 9, readModel: 7, projections }));
  expect(await shown(metrics, 'tallybook_projection')).toEqual([
    'tallybook_projection_position{projection="balances"} 7',
    'tallybook_projection_position{projection="totals"} 7',
    'tallybook_projection_lag_events{projection="balances"} 2',
    'tallybook_projection_lag_events{projection="totals"} 2',
    'tallybook_projection_lag_seconds{projection="balances"} 0.5',
    'tallybook_projection_parked{projection="totals"} 3',
    'tallybook_projection_stopped{projection="totals"} 1',
  ]);
  projections = [];
  expect(await shown(metrics, 'tallybook_projection')).toEqual([]);
});

test('a process without HTTP of its own serves its metrics where it is told, and nowhere otherwise', async () => {
  const metrics = createMetrics();
  const host = '127.0.0.1';
  await (await serveMetricsIfConfigured(metrics, { host, metricsPort: undefined })).close();
  const metricsPort = await freePort();
  const server = await serveMetricsIfConfigured(metrics, { host, metricsPort });
  const answers = await Promise.all(
    ['/metrics', '/healthz', '/other'].map((path) => fetch(`http://${host}:${metricsPort}${path}`)),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 404]);
  expect(await answers[0]!.text()).toContain('process_cpu_seconds_total');
  await expect(serveMetricsIfConfigured(metrics, { host, metricsPort })).rejects.toThrow(
    `Port ${metricsPort} (metrics) is taken. Set METRICS_PORT to another one.`,
  );
  await server.close();
});
