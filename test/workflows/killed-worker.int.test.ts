import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../contracts/events.ts';
import type { CommandRequest } from '../../messages/commands.ts';
import { inHours } from '../support/ledgers/skipping-ledger.ts';
import {
  decision,
  changeAccount,
  changeHold,
  createAccount,
  moveMoney,
  placeHold,
  reverse,
  transact,
} from '../support/ledgers/test-ledger.ts';
import { startKilledWorkers, type KilledWorkers } from '../support/processes/killed-workers.ts';

const soon = () => inHours(6 / 3_600);
/** Late enough for a worker to be followed by another before it, on a busy machine too. */
const later = (seconds: number) => inHours((45 + seconds) / 3_600);
const waiting = (more: object) => moveMoney('t', { source: 'a', destination: 'b', amount: '40' }, more);
const hold = (more: object = {}) => placeHold('h', { account: 'a', amount: '40' }, more);

/** What is asked, one after the other; what ends by itself; and what the log has of it in the end, without the kill. */
type Scenario = {
  readonly name: string;
  readonly asks: () => CommandRequest[];
  readonly ends?: string;
  /** The kinds of events, in order. */
  readonly log: string;
};

const HELD = 'FundsHeld TransferRequested';
const MOVED = 'MoneyWithdrawn MoneyDeposited TransferCompleted';
const PLACED = 'FundsHeld HoldPlaced CommandRecorded';

const SCENARIOS: Scenario[] = [
  // These wait longest, so they come first.
  {
    name: 'an extended hold that expires',
    asks: () => [
      hold({ expires_at: later(0) }),
      changeHold('h', { type: 'hold.extend', expires_at: later(4) }),
    ],
    ends: 'hold/h',
    log: `${PLACED} HoldExtended CommandRecorded FundsReleased HoldExpired`,
  },
  {
    name: 'an approved transfer for a date',
    asks: () => [
      waiting({ approval_expires_at: inHours(1), scheduled_for: later(0) }),
      decision('t', 'approve', { requested_at: inHours(0) }),
    ],
    ends: 'transfer/t',
    log: `${HELD} TransferApproved CommandRecorded FundsReleased ${MOVED}`,
  },
  { name: 'a transfer', asks: () => [waiting({})], log: MOVED },
  {
    name: 'a transaction',
    asks: () => [
      transact('x', [
        ['a', -10],
        ['b', 10],
      ]),
    ],
    log: 'MoneyDeposited MoneyWithdrawn TransferCompleted',
  },
  { name: 'a reversal', asks: () => [reverse('r', 'd', { amount: '5' })], log: `${MOVED} TransferReversed` },
  { name: 'a freeze', asks: () => [changeAccount('a', { type: 'account.freeze' })], log: 'AccountFrozen' },
  {
    name: 'an approved transfer',
    asks: () => [waiting({ approval_expires_at: inHours(1) }), decision('t', 'approve')],
    log: `${HELD} TransferApproved FundsReleased ${MOVED} CommandRecorded`,
  },
  {
    name: 'a rejected transfer',
    asks: () => [waiting({ approval_expires_at: inHours(1) }), decision('t', 'reject')],
    log: `${HELD} FundsReleased TransferRejected CommandRecorded`,
  },
  {
    name: 'a cancelled transfer',
    asks: () => [waiting({ approval_expires_at: inHours(1) }), decision('t', 'cancel')],
    log: `${HELD} FundsReleased TransferCancelled CommandRecorded`,
  },
  {
    name: 'a transfer that nobody approves',
    asks: () => [waiting({ approval_expires_at: soon() })],
    ends: 'transfer/t',
    log: `${HELD} FundsReleased TransferExpired`,
  },
  {
    name: 'a transfer for a date',
    asks: () => [waiting({ scheduled_for: soon() })],
    ends: 'transfer/t',
    log: `TransferRequested ${MOVED}`,
  },
  {
    name: 'a captured hold',
    asks: () => [
      hold({ expires_at: inHours(1) }),
      changeHold('h', { type: 'hold.capture', transfer: 'c', amount: '30' }),
    ],
    log: `${PLACED} FundsReleased ${MOVED} HoldCaptured CommandRecorded`,
  },
  {
    name: 'a voided hold',
    asks: () => [hold(), changeHold('h', { type: 'hold.void' })],
    log: `${PLACED} FundsReleased HoldVoided CommandRecorded`,
  },
];

/** Each scenario with a worker that is killed after each of its steps, before Temporal hears of the step. */
const CASES = SCENARIOS.flatMap((scenario) => {
  const steps = scenario.asks().length + (scenario.ends === undefined ? 0 : 1);
  return Array.from({ length: steps }, (_, index) => ({ ...scenario, step: index + 1 }));
});

async function run(workers: KilledWorkers, { asks, ends }: Scenario): Promise<RecordedEvent[]> {
  const { log } = workers;
  await log.submit(createAccount('a'));
  await log.submit(createAccount('b'));
  await log.submit(moveMoney('d', { source: 'world_EUR', destination: 'a', amount: '100' }));
  const before = await log.reader.lastPosition();
  for (const request of asks()) {
    // Without a key of its own nobody could ask twice.
    const keyed = { idempotency_key: randomUUID().replaceAll('-', ''), ...request };
    const outcome = await workers.ask(keyed);
    expect(outcome.type, JSON.stringify(outcome)).toBe('recorded');
  }
  if (ends !== undefined) await workers.client.workflow.getHandle(ends).result();
  const events = await log.allEvents();
  return events.filter(({ position }) => position > before);
}

describe('a worker that is killed right after a step is in the log', () => {
  test.concurrent.each(CASES)(
    '$name, step $step',
    async (scenario) => {
      const workers = await startKilledWorkers(scenario.step);
      try {
        const events = await run(workers, scenario);
        // A freeze with a key leaves a receipt too.
        const names = events.map(({ name }) => name).join(' ');
        expect(names.replace(/^(AccountFrozen) CommandRecorded$/, '$1')).toBe(scenario.log);
        expect(workers.killed()).toBe(1);
      } finally {
        await workers.close();
      }
    },
    120_000,
  );
});
