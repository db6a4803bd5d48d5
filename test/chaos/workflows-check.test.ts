/** Which workflows count as stuck. */
import { expect, test } from 'vitest';
import { LogFold } from '../../chaos/oracle/log-facts.ts';
import { compareWorkflows, waitsOf } from '../../chaos/oracle/workflows-check.ts';
import { createTestLog } from '../support/events/events.ts';

const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const at = (milliseconds: number) => new Date(NOW + milliseconds).toISOString();

function waiting() {
  const ledger = createTestLog();
  ledger.open('alice');
  ledger.open('bob');
  ledger.deposit('alice', 100n);
  ledger.move(['alice', 'bob'], 1n, { id: 'asked', approvalExpiresAt: at(MINUTE) });
  ledger.move(['alice', 'bob'], 1n, { id: 'dated', scheduledFor: at(MINUTE) });
  ledger.move(['alice', 'bob'], 1n, { id: 'posted' });
  const terms = { account: 'alice', amount: 1n, currency: 'EUR', metadata: {}, requestedAt: at(0) };
  const place = (id: string, expiresAt?: string) =>
    ledger.run({
      type: 'hold',
      id,
      at: at(0),
      step: { type: 'place', terms, ...(expiresAt === undefined ? {} : { expiresAt }) },
    });
  place('short', at(MINUTE));
  place('endless');
  const fold = new LogFold();
  for (const event of ledger.events) fold.add(event);
  return waitsOf(fold);
}

const RIGHT = ['transfer/asked', 'transfer/dated', 'hold/short'];

const checks = (running: readonly string[], now = NOW, lateMs = 0) =>
  compareWorkflows(new Set(running), { waits: waiting(), now, lateMs }).map(({ found }) => found);

test('what waits has a workflow, and a hold without an end needs none', () => {
  expect(checks(RIGHT)).toEqual([]);
});

test('a workflow of what has ended is stuck', () => {
  expect(checks([...RIGHT, 'transfer/posted'])).toEqual(['transfer/posted runs, but nothing waits']);
  expect(checks([...RIGHT, 'commands/1'])).toEqual(['commands/1 runs, but nothing waits']);
});

test('what waits without a workflow is found', () => {
  expect(checks(RIGHT.slice(1))).toEqual(['transfer/asked']);
});

test('a workflow that should have woken long ago is stuck, unless clocks are known to be wrong', () => {
  expect(checks(RIGHT, NOW + MINUTE + 5_000)).toEqual([]);
  expect(checks(RIGHT, NOW + 2 * MINUTE)).toHaveLength(3);
  expect(checks(RIGHT, NOW + 2 * MINUTE, MINUTE)).toEqual([]);
});
