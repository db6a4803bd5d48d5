import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import type { LiveSettings } from '../../../api/live/live.ts';
import { startFaultProxy } from '../../../chaos/infra/fault-proxy.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { startNats } from '../../../dev/servers/servers.ts';
import { openLive, type LiveConnection } from '../../support/http/live-client.ts';
import {
  createAccount,
  moveMoney,
  openTestLedger,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';
import { serveLive, type ServedLive } from './served-live.ts';

// The machine may be busy with other tests.
vi.setConfig({ testTimeout: 90_000 });

let ledger: TestLedger;
const served: ServedLive[] = [];
beforeAll(async () => {
  ledger = await openTestLedger();
  for (const id of ['alice', 'bob']) await ledger.submit(createAccount(id));
});
afterEach(async () => {
  await Promise.all(served.splice(0).map((one) => one.close()));
});
afterAll(() => ledger.close());

let deposits = 0;

/** Deposits, all at once: three events each. */
async function deposit(times: number, metadata: Record<string, string> = {}): Promise<void> {
  const ids = Array.from({ length: times }, () => `deposit-${(deposits += 1)}`);
  await Promise.all(
    ids.map((id, index) => {
      const destination = index % 2 === 0 ? 'alice' : 'bob';
      return ledger.submit(moveMoney(id, { source: 'world_EUR', destination, amount: '1' }, { metadata }));
    }),
  );
}

async function start(settings: Partial<LiveSettings> = {}) {
  const one = await serveLive(ledger.reader, settings);
  served.push(one);
  return one;
}

/** The positions that a stream has brought. */
const ids = ({ events }: Pick<LiveConnection, 'events'>) =>
  events.filter(({ type }) => type !== 'end').map(({ lastEventId }) => Number(lastEventId));

/** The positions of the published events after a position, read from the log. */
async function published(after: number, filter: { account?: string; type?: string } = {}): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    const page = await ledger.reader.read(found.at(-1) ?? after, 500, filter);
    if (page.length === 0) return found;
    found.push(...page.map(({ position }) => position));
  }
}

/** Waits for the first thing in a stream. */
async function begun(stream: LiveConnection): Promise<void> {
  await expect.poll(() => stream.parser.retry).toBe(1_000);
}

describe('a live stream of a real log', () => {
  test('brings the events of a transfer as they are stored, with the same JSON as a page', async () => {
    const { url } = await start();
    const stream = await openLive(url);
    await begun(stream);
    const after = Number(stream.parser.lastEventId);
    expect(after).toBe(await ledger.reader.lastPosition());
    await deposit(1);
    await expect.poll(() => stream.events.length).toBe(3);
    const page = (await (await fetch(`${url}?after=${after}`)).json()) as { data: { type: string }[] };
    expect(stream.events.map(({ data }) => JSON.parse(data))).toEqual(page.data);
    expect(stream.events.map(({ type }) => type)).toEqual(page.data.map(({ type }) => type));
    stream.leave();
  });

  test.each<{ account?: string; type?: string }>([
    {},
    { account: 'alice' },
    { account: 'world_EUR', type: 'ledger.MoneyWithdrawn.v1' },
    { type: 'ledger.TransferCompleted.v1' },
  ])(
    'with the filter %j has what the log has for it, from the beginning to what comes now',
    async (filter) => {
      await deposit(100);
      // The ring is small, so that most of it must be read from the log.
      const { url } = await start({ before: 10, ring: { events: 50, bytes: 1_000_000 } });
      const query = new URLSearchParams({ after: '0', ...filter });
      const stream = await openLive(`${url}?${query.toString()}`);
      await deposit(50);
      await expect
        .poll(() => ids(stream).length, { timeout: 25_000 })
        .toBe((await published(0, filter)).length);
      await deposit(1);
      const expected = await published(0, filter);
      await expect.poll(() => ids(stream).length, { timeout: 25_000 }).toBe(expected.length);
      expect(ids(stream)).toEqual(expected);
      stream.leave();
    },
  );

  test('is heard from while nothing happens', async () => {
    const { url } = await start({ heartbeatMs: 50 });
    const stream = await openLive(url);
    await expect.poll(() => stream.parser.comments.length).toBeGreaterThanOrEqual(3);
    expect(new Set(stream.parser.comments)).toEqual(new Set(['heartbeat']));
    stream.leave();
  });

  test('forgets a client that leaves', async () => {
    const { url, clients } = await start();
    const streams = await Promise.all(Array.from({ length: 20 }, () => openLive(url)));
    expect(clients()).toBe(20);
    for (const stream of streams.slice(5)) stream.leave();
    await expect.poll(clients).toBe(5);
    for (const stream of streams) stream.leave();
    await expect.poll(clients).toBe(0);
  });
});

/** Enough to fill the buffers of a connection that nobody reads, several times. */
const LARGE = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key-${index}`, 'x'.repeat(490)]));
const LARGE_DEPOSITS = 700;

describe('a client that does not read', () => {
  test('is ended, goes on where it was, and holds nobody back', async () => {
    const { url, dropped } = await start({ ring: { events: 100, bytes: 1_000_000 }, patienceMs: 0 });
    const slow = await openLive(url);
    const other = await openLive(`${url}?account=alice`);
    await begun(slow);
    await begun(other);
    const after = Number(slow.parser.lastEventId);
    slow.pause();
    await deposit(LARGE_DEPOSITS, LARGE);
    const ofAlice = await published(after, { account: 'alice' });
    await expect.poll(() => ids(other).length, { timeout: 25_000 }).toBe(ofAlice.length);
    expect(ids(other)).toEqual(ofAlice);
    slow.resume();
    await slow.ended;
    expect(dropped).toEqual(['behind']);
    const last = slow.events.at(-1);
    expect(last?.type).toBe('end');
    const from = ids(slow).at(-1);
    expect(JSON.parse(last?.data ?? '')).toEqual({ reason: 'behind', resume_after: from });
    expect(slow.parser.lastEventId).toBe(`${from}`);
    const again = await openLive(url, slow.parser.lastEventId);
    const all = await published(after);
    await expect.poll(() => ids(slow).length + ids(again).length, { timeout: 25_000 }).toBe(all.length);
    expect([...ids(slow), ...ids(again)]).toEqual(all);
    again.leave();
    other.leave();
  });

  test('and never will is cut off, and what it had seen tells where to go on', async () => {
    const { url, dropped, clients } = await start({ heartbeatMs: 300 });
    const stuck = await openLive(url);
    await begun(stuck);
    const after = Number(stuck.parser.lastEventId);
    stuck.pause();
    await deposit(LARGE_DEPOSITS, LARGE);
    await expect.poll(clients, { timeout: 20_000 }).toBe(0);
    expect(dropped).toEqual(['stalled']);
    stuck.resume();
    await stuck.ended;
    const all = await published(after);
    const again = await openLive(url, stuck.parser.lastEventId);
    await expect.poll(() => ids(stuck).length + ids(again).length, { timeout: 25_000 }).toBe(all.length);
    expect([...ids(stuck), ...ids(again)]).toEqual(all);
    again.leave();
  });
});

describe('when the API ends', () => {
  test('open streams do not keep it, not even one that nobody reads', async () => {
    const one = await serveLive(ledger.reader);
    const streams = await Promise.all([
      openLive(one.url),
      openLive(`${one.url}?account=bob`),
      openLive(one.url),
    ]);
    const stuck = streams[2];
    for (const stream of streams) await begun(stream);
    stuck?.pause();
    await deposit(LARGE_DEPOSITS, LARGE);
    const started = performance.now();
    await one.close();
    expect(performance.now() - started).toBeLessThan(3_000);
    stuck?.resume();
    await Promise.all(streams.map(({ ended }) => ended));
    for (const { events, parser } of streams.slice(0, 2)) {
      expect(events.at(-1)?.type).toBe('end');
      const { reason, resume_after } = JSON.parse(events.at(-1)?.data ?? '');
      expect([reason, `${resume_after}`]).toEqual(['shutdown', parser.lastEventId]);
    }
  });
});

describe('when NATS is away for a while', () => {
  test('by a lost connection, open streams go on, without a gap and without a repeat', async () => {
    const proxy = await startFaultProxy(inject('servers').natsUrl);
    const hand = await ledger.join({
      url: inject('servers').natsUrl.replace(/:\d+$/, `:${proxy.port}`),
    });
    const one = await serveLive(hand.reader, { againMs: 100 });
    served.push(one);
    const stream = await openLive(one.url);
    await begun(stream);
    const after = Number(stream.parser.lastEventId);
    for (let count = 0; count < 4; count += 1) {
      await deposit(20);
      proxy.cut();
      await deposit(20);
      await sleep(300);
    }
    const expected = await published(after);
    await expect.poll(() => ids(stream).length, { timeout: 20_000 }).toBe(expected.length);
    expect(ids(stream)).toEqual(expected);
    stream.leave();
    await hand.nc.close();
    await proxy.close();
  });

  test('by a server that is stopped and started again, too', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'tallybook-live-'));
    const port = await freePort();
    const startServer = () => startNats({ port, dataDir, password: 'test' });
    let nats = await startServer();
    const there = await openTestLedger(nats.url);
    const one = await serveLive(there.reader, { heartbeatMs: 100, againMs: 100 });
    try {
      await there.submit(createAccount('alice'));
      const stream = await openLive(`${one.url}?after=0`);
      await expect.poll(() => ids(stream)).toEqual([1]);
      await nats.stop();
      const { comments } = stream.parser;
      const beats = comments.length;
      await expect.poll(() => comments.length).toBeGreaterThan(beats);
      nats = await startServer();
      const pay = (id: string) =>
        there.submit(moveMoney(id, { source: 'world_EUR', destination: 'alice', amount: '1' }));
      await expect
        .poll(
          () =>
            pay('first').then(
              () => true,
              () => false,
            ),
          { timeout: 25_000 },
        )
        .toBe(true);
      await pay('second');
      await expect.poll(() => ids(stream), { timeout: 20_000 }).toEqual([1, 2, 3, 4, 5, 6, 7]);
      stream.leave();
    } finally {
      await one.close();
      await there.close();
      await nats.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  }, 60_000);
});
