import { setTimeout as sleep } from 'node:timers/promises';
import { headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../../contracts/events.ts';
import type { At, EventQuery } from '../../../eventlog/read/event-reader.ts';
import type { StoredMessage } from '../../../eventlog/wire/codec.ts';
import { readHeaders } from '../../../eventlog/wire/headers.ts';
import {
  createAccount,
  moveMoney,
  openTestLedger,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';

/** What is stored a day later by the clock of the test. */
const DAYS = ['2026-01-01', '2026-01-02', '2026-01-03'];
let log: TestLedger;
let all: RecordedEvent[];
beforeAll(async () => {
  log = await openTestLedger();
  for (const day of DAYS) {
    const hand = await log.join({ clock: () => new Date(`${day}T12:00:00Z`) });
    if (day === DAYS[0]) await hand.submit(createAccount('alice', { idempotency_key: 'c'.repeat(64) }));
    await Promise.all(
      Array.from({ length: 700 }, (_, index) =>
        hand.submit(moveMoney(`${day}-${index}`, { source: 'world_EUR', destination: 'alice', amount: '1' })),
      ),
    );
  }
  all = await log.allEvents();
});
afterAll(() => log.close());

async function read(query?: EventQuery): Promise<RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  for await (const some of log.reader.events(query)) found.push(...some);
  return found;
}

describe('reading in bulk', () => {
  test('gives everything that is stored, receipts included, in order', async () => {
    expect(await read()).toEqual(all);
    expect(all).toHaveLength(2 + 3 * 700 * 3);
    expect(all.map(({ position }) => position)).toEqual(all.map((_, index) => index + 1));
  });

  test('gives those of an aggregate, of a type, and of both', async () => {
    const aggregate = { aggregate: 'account', id: 'alice' } as const;
    const type = 'ledger.MoneyDeposited.v1';
    expect(await read({ aggregate })).toEqual(all.filter((e) => e.aggregateId === 'alice'));
    expect(await read({ type })).toEqual(all.filter((e) => e.type === type));
    expect(await read({ aggregate, type })).toHaveLength(2_100);
    expect(await read({ type: 'ledger.CommandRecorded.v1' })).toHaveLength(1);
    expect(await read({ type: 'ledger.AccountClosed.v1' })).toEqual([]);
    expect(await read({ aggregate: { aggregate: 'account', id: 'nobody' } })).toEqual([]);
    await expect(read({ type: 'ledger.Nothing.v1' })).rejects.toThrow(/no event type/);
    await expect(read({ aggregate, type: 'ledger.TransferCompleted.v1' })).rejects.toThrow(/does not happen/);
  });

  test('begins after a position and ends with one, on a match or between two', async () => {
    expect(await read({ after: 10, to: 14 })).toEqual(all.slice(10, 14));
    expect(await read({ after: 3_000, to: 2_000 })).toEqual([]);
    expect(await read({ after: all.length })).toEqual([]);
    expect(await read({ after: all.length - 1, to: all.length + 50 })).toEqual(all.slice(-1));
    const type = 'ledger.TransferCompleted.v1';
    for (const to of [11, 12, 13]) {
      expect(await read({ type, to })).toEqual(all.slice(0, to).filter((e) => e.type === type));
    }
  });

  test('asks the log for no more than the caller takes, and lets go of it when the caller does', async () => {
    const before = log.nc.stats().inMsgs;
    for await (const some of log.reader.events()) {
      expect(some.length).toBeLessThanOrEqual(1_000);
      await sleep(300);
      break;
    }
    // Of 6,302 messages.
    expect(log.nc.stats().inMsgs - before).toBeLessThan(4_500);
  });

  test('gives messages as they are stored, whatever is in their headers', async () => {
    const found: StoredMessage[] = [];
    for await (const some of log.reader.messages({ to: 3 })) found.push(...some);
    const [first] = found;
    expect(found.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(first?.headers.get('ce-type')).toBe('ledger.AccountCreated.v1');
    expect(new Map(first?.headers).get('ce-subject')).toBe('alice');
    expect(first?.headers.get('ce-nothing')).toBeUndefined();
  });
});

describe('the position of the next published event', () => {
  test.each([
    {},
    { account: 'alice' },
    { type: 'ledger.TransferCompleted.v1' },
    { account: 'alice', type: 'ledger.AccountCreated.v1' },
    { account: 'alice', type: 'ledger.TransferCompleted.v1' },
    { account: 'nobody' },
    { type: 'ledger.Nothing.v1' },
  ])('with the filter %j is that of the first event which a page has', async (filter) => {
    // The second event is a receipt, which is not published.
    for (const after of [0, 1, 2, 3, 1_000, all.length - 1, all.length, all.length + 9]) {
      const [event] = await log.reader.read(after, 1, filter);
      expect(await log.reader.nextPosition(after, filter), `after ${after}`).toBe(event?.position);
    }
  });
});

describe('headers', () => {
  test('are read from the wire as the client itself would read them', async () => {
    const subject = `headers-${log.ledger}`;
    const given = headers();
    // A value that ends like the first line of headers must not be taken for it.
    for (const [name, value] of [
      ['a', 'NATS/1.0'],
      ['b', 'x: y'],
      ['ce-a', 'Grüße'],
      ['e', ''],
    ] as const) {
      given.append(name, value);
    }
    given.append('a', 'second');
    const subscription = log.nc.subscribe(subject, { max: 2 });
    for (const data of ['{}', '']) log.nc.publish(subject, data, { headers: given });
    for await (const message of subscription) {
      const found = readHeaders(message);
      expect([...found]).toEqual([...message.headers!].map(([name, values]) => [name, values[0]]));
      for (const [name] of message.headers!) expect(found.get(name)).toBe(message.headers!.get(name));
      expect(found.has('c')).toBe(false);
    }
  });

  test('of a message that has none are none', async () => {
    const subject = `headers-${log.ledger}`;
    const subscription = log.nc.subscribe(subject, { max: 1 });
    log.nc.publish(subject, 'NATS/1.0\r\na: b\r\n\r\n');
    for await (const message of subscription) expect([...readHeaders(message)]).toEqual([]);
  });
});

/** The balance of an account, then. */
const posted = async (at?: At, id = 'alice') => (await log.reader.lastOf(id, at))?.data.balances.posted;

describe('an account as of', () => {
  test('now, a position, before its first event, and one that does not exist', async () => {
    expect(await posted()).toBe('2100');
    const events = all.filter((e) => e.aggregateId === 'alice');
    for (const { position, data } of [events[0]!, events[5]!, events[1_000]!]) {
      const then = 'balances' in data ? data.balances.posted : undefined;
      expect(await posted({ position })).toBe(then);
      expect(await posted({ position: position + 1 })).toBe(then);
    }
    expect(await posted({ position: 0 })).toBeUndefined();
    expect(await posted({ position: 1 }, 'world_EUR')).toBeUndefined();
    expect(await posted({ position: 1_000_000 })).toBe('2100');
    expect(await posted(undefined, 'nobody')).toBeUndefined();
  });

  test('a time: all that had happened by then, that very moment included', async () => {
    expect(await posted({ time: '2025-12-31T00:00:00.000Z' })).toBeUndefined();
    expect(await posted({ time: `${DAYS[0]}T12:00:00.000Z` })).toBe('700');
    expect(await posted({ time: `${DAYS[1]}T11:59:59.999Z` })).toBe('700');
    expect(await posted({ time: `${DAYS[1]}T12:00:00.000Z` })).toBe('1400');
    expect(await posted({ time: '2030-01-01T00:00:00.000Z' })).toBe('2100');
  });

  test('a time, though another writer stored an earlier time later', async () => {
    await log.submit(createAccount('bob'));
    const behind = await log.join({ clock: () => new Date('2026-01-02T18:00:00Z') });
    // A writer whose clock is behind, on accounts that it has not seen any later event of.
    await behind.submit(createAccount('carol'));
    expect((await log.reader.lastOf('carol', { time: '2026-01-02T18:00:00.000Z' }))?.version).toBe(1);
    expect(await log.reader.lastOf('carol', { time: '2026-01-02T17:59:59.999Z' })).toBeUndefined();
    expect(await posted({ time: '2026-01-02T18:00:00.000Z' })).toBe('1400');
  });
});
