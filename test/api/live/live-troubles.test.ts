import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LiveSettings } from '../../../api/live/live.ts';
import { createGrowingLog, type GrowingLog } from './growing-log.ts';
import { closeLiveApps, liveApp as appOver } from './live-app.ts';
import type { LiveReader } from './live-reader.ts';

let log: GrowingLog;
beforeEach(() => {
  // What is answered 503 is logged.
  vi.spyOn(console, 'error').mockImplementation(() => {});
  log = createGrowingLog();
  log.grow(3);
});
afterEach(() => {
  closeLiveApps();
  vi.restoreAllMocks();
});

/** An app over the log, or over one that is different in something. */
const liveApp = (settings: Partial<LiveSettings> = {}, changed: Partial<GrowingLog> = {}) =>
  appOver({ ...log, ...changed }, settings);

const positions = (filter = {}) => log.matching(filter).map(({ position }) => position);

describe('a client that reads too slowly', () => {
  it('is ended when the events that it has not read are no longer at hand; the last word says where to go on', async () => {
    const { open, dropped } = liveApp({ ring: { events: 10, bytes: 1_000_000 }, patienceMs: 0 });
    const slow = await open();
    await slow.until(() => slow.parser.lastEventId !== '');
    const start = log.events.length;
    log.grow(1);
    await slow.until(() => slow.events.length === 3);
    log.grow(10);
    // The stream takes no more than it is asked for, so that somebody else shows when the log has been followed.
    const other = await open(`?after=${log.events.length - 1}`);
    await other.until(() => other.events.length === 1);
    await slow.toEnd();
    expect(slow.ids()).toEqual([start + 1, start + 2, start + 3]);
    const last = slow.events.at(-1);
    expect(last).toMatchObject({ type: 'end', lastEventId: `${start + 3}` });
    expect(JSON.parse(last?.data ?? '')).toEqual({ reason: 'behind', resume_after: start + 3 });
    expect(slow.parser.retry).toBeGreaterThanOrEqual(1_000);
    expect(dropped).toEqual(['behind']);
    // It comes back, and reads from the log what it has missed.
    const again = await open('', { 'last-event-id': slow.parser.lastEventId });
    await again.until(() => again.events.length === 30);
    expect(again.ids()).toEqual(positions().filter((position) => position > start + 3));
  });

  it('is cut off after two heartbeats in which it has taken nothing at all', async () => {
    const { live, dropped, clients } = liveApp({ heartbeatMs: 20 });
    let cut = 0;
    await live.open({ filter: {}, cut: () => (cut += 1) });
    expect(clients()).toBe(1);
    await expect.poll(() => cut).toBe(1);
    expect([dropped, clients()]).toEqual([['stalled'], 0]);
  });

  it('costs no more than a chunk: what comes meanwhile is not kept for it', async () => {
    const { live, open } = liveApp({ ring: { events: 100_000, bytes: 100_000_000 } });
    const stream = await live.open({ after: 0, filter: {}, cut: () => {} });
    log.grow(500);
    await reachedEnd(await open('?after=0'));
    const reader = stream.getReader();
    const sizes: number[] = [];
    for (let count = 0; count < 20; count += 1) sizes.push((await reader.read()).value?.length ?? 0);
    expect(Math.max(...sizes)).toBeGreaterThan(32_000);
    expect(Math.max(...sizes)).toBeLessThan(34_000);
  });
});

/** Reads a stream until it has the last event of the log. */
const reachedEnd = (stream: LiveReader) => stream.until(() => stream.ids().at(-1) === log.events.length);

/** Reads until something has come, if there is more. */
async function readSome(stream: LiveReader): Promise<void> {
  const before = stream.events.length;
  await stream.until(() => stream.events.length > before || stream.ids().at(-1) === log.events.length);
}

/** Clients that have reached the present, and then stop reading. */
async function presentClients(open: () => Promise<LiveReader>, count: number) {
  const clients: LiveReader[] = [];
  for (let index = 0; index < count; index += 1) clients.push(await open());
  for (const client of clients) await client.until(() => client.parser.lastEventId !== '');
  log.grow(1);
  for (const client of clients) await reachedEnd(client);
  return clients;
}

describe('when most clients are slow together', () => {
  it('the log waits for them, since it is not they who are slow; one alone is not waited for', async () => {
    const { open, dropped } = liveApp({ ring: { events: 30, bytes: 1_000_000 }, patienceMs: 60_000 });
    const [slow, slower, stuck] = (await presentClients(open, 3)) as [LiveReader, LiveReader, LiveReader];
    const start = log.events.length;
    log.grow(60);
    while (slow.ids().at(-1) !== log.events.length || slower.ids().at(-1) !== log.events.length) {
      await sleep(5);
      await Promise.all([readSome(slow), readSome(slower)]);
    }
    const expected = positions().filter((position) => position > start - 3);
    expect(slow.ids()).toEqual(expected);
    expect(slower.ids()).toEqual(expected);
    expect(dropped).toEqual([]);
    await stuck.toEnd();
    expect(stuck.ids()).toEqual([start - 2, start - 1, start]);
    expect(dropped).toEqual(['behind']);
  });

  it('the log does not wait for ever', async () => {
    const { open, dropped } = liveApp({ ring: { events: 10, bytes: 1_000_000 }, patienceMs: 50 });
    const [alone] = await presentClients(open, 1);
    const started = performance.now();
    log.grow(60);
    await sleep(30);
    // It has not lost its place yet. Whoever comes now reads on before it.
    const other = await open();
    await sleep(150);
    await alone?.toEnd();
    expect(performance.now() - started).toBeGreaterThan(50);
    expect([dropped, alone?.events.at(-1)?.type]).toEqual([['behind'], 'end']);
    await other.leave();
  });
});

describe('a client that leaves', () => {
  it('is forgotten at once, and when all have left the log is no longer followed', async () => {
    let followed: AbortSignal | undefined;
    const follow: GrowingLog['follow'] = (after, signal) => {
      followed = signal;
      return log.follow(after, signal);
    };
    const { open, clients } = liveApp({}, { follow });
    const two = [await open(), await open()];
    expect(clients()).toBe(2);
    await two[0]?.leave();
    expect(clients()).toBe(1);
    await two[1]?.leave();
    expect(clients()).toBe(0);
    await expect.poll(() => followed?.aborted).toBe(true);
    // The next one finds it all again.
    const next = await open('?after=0');
    await next.until(() => next.events.length === log.events.length);
    expect(next.ids()).toEqual(positions());
  });
});

describe('too many clients', () => {
  it('are refused, and worth a retry; one that leaves makes room', async () => {
    const { ask, open } = liveApp({ clients: 2 });
    const first = await open();
    await open();
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({ code: 'overloaded' });
    await first.leave();
    expect((await ask()).status).toBe(200);
  });
});

describe('a process that ends', () => {
  it('ends all streams at once with where to go on, and opens no others', async () => {
    const { live, ask, open } = liveApp();
    const streams = await Promise.all([open(), open('?after=0'), open('?account=nobody')]);
    for (const stream of streams) await stream.until(() => stream.parser.retry !== undefined);
    live.close();
    await Promise.all(streams.map((stream) => stream.toEnd()));
    const ends = streams.map(({ events }) => JSON.parse(events.at(-1)?.data ?? ''));
    expect(ends).toEqual(
      [3, 0, 3].map((batches) => ({
        reason: 'shutdown',
        resume_after: batches === 0 ? 0 : log.events.length,
      })),
    );
    expect((await ask()).status).toBe(503);
  });

  it('cuts those who do not take their last word', async () => {
    const { live, clients } = liveApp();
    let cut = 0;
    await live.open({ filter: {}, cut: () => (cut += 1) });
    live.close();
    await expect.poll(() => cut, { timeout: 3_000 }).toBe(1);
    expect(clients()).toBeLessThanOrEqual(1);
  });
});

describe('a log that is away', () => {
  const away = Object.assign(new Error('away'), { name: 'LogUnavailable' });

  it('is a 503 for who comes then, and no place is lost by that', async () => {
    let down = true;
    const lastPosition = () => (down ? Promise.reject(away) : log.lastPosition());
    const { ask } = liveApp({ clients: 1 }, { lastPosition });
    for (let count = 0; count < 3; count += 1) expect((await ask()).status).toBe(503);
    down = false;
    expect((await ask()).status).toBe(200);
  });

  it('is not noticed by who is there: it goes on when the log is back', async () => {
    let broken = 0;
    const follow: GrowingLog['follow'] = async function* (after, signal) {
      for await (const events of log.follow(after, signal)) {
        yield events.slice(0, 1);
        broken += 1;
        throw away;
      }
    };
    const { open, told } = liveApp({ againMs: 1 }, { follow });
    const stream = await open('?after=0');
    await stream.until(() => stream.events.length === log.events.length);
    expect(stream.ids()).toEqual(positions());
    expect(broken).toBeGreaterThan(5);
    expect(told[0]).toContain('away');
  });

  it('ends the stream of who still reads what was: it may come back', async () => {
    log.grow(20);
    const settings = { ring: { events: 2, bytes: 1_000_000 }, before: 2 };
    const { open, told } = liveApp(settings, { read: () => Promise.reject(away) });
    const stream = await open('?after=1');
    await stream.toEnd();
    expect(JSON.parse(stream.events.at(-1)?.data ?? '')).toEqual({ reason: 'unavailable', resume_after: 1 });
    expect(told.join()).toContain('away');
  });

  it('that leaves something out is not believed', async () => {
    const { follow: whole } = log;
    const follow: GrowingLog['follow'] = async function* (after, signal) {
      for await (const events of whole(after, signal)) yield events.filter((_, index) => index !== 2);
    };
    const { open, told } = liveApp({ againMs: 1 }, { follow });
    const stream = await open('?after=0');
    await stream.until(() => stream.events.length >= 4);
    expect(stream.ids()).toEqual(positions().slice(0, stream.events.length));
    expect(told.join()).toContain('after position 2 comes 4');
  });
});
