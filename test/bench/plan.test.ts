import { expect, test } from 'vitest';
import { PATTERNS, planRows, type SystemPlan } from '../../bench/plan.ts';
import { expectedSeconds } from '../../bench/report/progress.ts';

const ACCOUNTS = { name: 'bench', count: 1_000 };
const READERS = { name: 'reader', count: 64 };
const TALLYBOOK: SystemPlan = { kind: 'tallybook', name: 'tallybook', title: 'Tallybook' };
const EAGER: SystemPlan = { kind: 'noop', start: 'eager', name: 'noop-eager', title: 'no-op, eager' };
const PLAIN: SystemPlan = { kind: 'noop', start: 'plain', name: 'noop-plain', title: 'no-op' };
const SAMPLE: SystemPlan = transfers('temporal-sample', { slow: true });
const FUNCTION: SystemPlan = transfers('postgres-function', { several: true });
const OTHERS = ['postgres-interactive', 'emmett', 'dbos-1', 'dbos-2', 'restate-1', 'restate-2'];
const RAW: SystemPlan = { kind: 'raw', name: 'raw-jetstream', title: 'JetStream' };
const ALL = [TALLYBOOK, PLAIN, EAGER, SAMPLE, FUNCTION, ...OTHERS.map((name) => transfers(name)), RAW];

function transfers(name: string, { slow = false, several = false } = {}): SystemPlan {
  return { kind: 'transfers', name, title: name, slow, several, direct: !slow };
}

function plan(...systems: SystemPlan[]) {
  return planRows(systems, { accounts: ACCOUNTS, readers: READERS });
}

test('what is compared follows each other: all systems with one client, then with more', () => {
  const rows = plan(TALLYBOOK, EAGER, FUNCTION).filter(
    ({ pattern, pauseMs }) =>
      pauseMs === 0 && [PATTERNS.uniform, PATTERNS.nothing].some((one) => one === pattern),
  );
  const names = ['tallybook', 'noop-eager', 'postgres-function'];
  expect(rows.map(({ system, clients }) => `${system} ${clients}`)).toEqual([
    ...[1, 32, 256].flatMap((clients) => names.map((name) => `${name} ${clients}`)),
    'tallybook 1024',
    'postgres-function 1024',
  ]);
});

test('half load comes when every closed loop of its system has been measured', () => {
  const order = plan(TALLYBOOK, EAGER, SAMPLE, FUNCTION).map(({ system, how }) => `${system} ${how.type}`);
  for (const system of ['tallybook', 'noop-eager', 'temporal-sample', 'postgres-function']) {
    const half = order.indexOf(`${system} half load`);
    expect(half, system).toBeGreaterThan(order.lastIndexOf(`${system} closed`));
  }
});

test('no row is measured twice', () => {
  const names = plan(...ALL).map(
    ({ system, pattern, clients, pauseMs }) => `${system}, ${pattern}, ${clients}, ${pauseMs}`,
  );
  expect(new Set(names).size).toBe(names.length);
});

test('the one-client rows with a pause stand beside those of the eager no-op', () => {
  const paused = plan(...ALL).filter(({ pauseMs }) => pauseMs === 50);
  expect(paused.map(({ system, clients }) => [system, clients])).toEqual([
    ['tallybook', 1],
    ['noop-eager', 1],
  ]);
});

test('three rounds of all systems take no more than a quarter of an hour', () => {
  const seconds = plan(...ALL).reduce((sum, row) => sum + expectedSeconds(row, 2), 0);
  expect((seconds * 3) / 60).toBeLessThan(14);
});
