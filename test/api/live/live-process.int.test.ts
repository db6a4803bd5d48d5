import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LogUnavailable } from '../../../eventlog/errors.ts';
import { followLive } from '../../support/http/live-client.ts';
import { SseParser } from '../../support/http/sse.ts';
import {
  createAccount,
  moveMoney,
  openTestLedger,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';
import { startApiProcess, type ApiProcess } from './api-process.ts';

let ledger: TestLedger;
let api: ApiProcess;
let url: string;
beforeAll(async () => {
  ledger = await openTestLedger();
  for (const id of ['alice', 'bob']) await ledger.submit(createAccount(id));
  api = await startApiProcess(ledger.ledger);
  url = `${api.url}/v1/events`;
});
afterAll(async () => {
  await api.remove();
  await ledger.close();
});

let deposits = 0;

/** Deposits, all at once: three events each. */
async function deposit(times: number): Promise<void> {
  const ids = Array.from({ length: times }, () => `deposit-${(deposits += 1)}`);
  await Promise.all(
    ids.map((id, index) => {
      const destination = index % 2 === 0 ? 'alice' : 'bob';
      return submit(moveMoney(id, { source: 'world_EUR', destination, amount: '1' }));
    }),
  );
}

/** On a busy machine the log may not answer in time: the same command again has one effect. */
async function submit(command: Parameters<typeof ledger.submit>[0]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await ledger.submit(command);
      return;
    } catch (error) {
      if (!(error instanceof LogUnavailable) || attempt === 5) throw error;
    }
  }
}

/** The positions of the published events after a position, read from the log. */
async function published(after: number, filter: { account?: string; type?: string } = {}): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    const page = await ledger.reader.read(found.at(-1) ?? after, 500, filter);
    if (page.length === 0) return found;
    found.push(...page.map(({ position }) => position));
  }
}

describe('when the API is started again while transfers go on', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'after %s, clients that come back as an EventSource does have no gap and no repeat',
    async (signal) => {
      const start = await ledger.reader.lastPosition();
      const filters = [
        {},
        {},
        { account: 'alice' },
        { type: 'ledger.TransferCompleted.v1' },
        { account: 'nobody' },
      ];
      const followers = filters.map((filter) => {
        const query = new URLSearchParams(filter as Record<string, string>).toString();
        return { filter, follower: followLive(`${url}?${query}`) };
      });
      await expect.poll(() => followers.every(({ follower }) => follower.begun())).toBe(true);
      const enough = new AbortController();
      const transfers = (async () => {
        while (!enough.signal.aborted) {
          await deposit(2);
          await sleep(10);
        }
      })();
      for (let restart = 0; restart < 2; restart += 1) {
        await sleep(500);
        const ended = performance.now();
        const code = await api.end(signal);
        // Five open streams do not keep it.
        expect(performance.now() - ended).toBeLessThan(5_000);
        expect(code).toBe(signal === 'SIGTERM' ? 0 : null);
        await sleep(200);
        await api.startAgain();
        await expect
          .poll(() => followers.every(({ follower }) => follower.streams() === restart + 2), {
            timeout: 10_000,
          })
          .toBe(true);
      }
      await sleep(500);
      enough.abort();
      await transfers;
      for (const { filter, follower } of followers) {
        const expected = await published(start, filter);
        await expect.poll(() => follower.ids().length, { timeout: 10_000 }).toBe(expected.length);
        expect(follower.ids()).toEqual(expected);
        // What ended in order has said so, and where to go on.
        expect(follower.ends()).toHaveLength(signal === 'SIGTERM' ? 2 : 0);
        follower.stop();
      }
    },
    60_000,
  );
});

const CLIENTS = 1_000;
const EVENTS = 1_000;

type Watcher = { readonly ids: number[]; readonly parser: SseParser; readonly leave: () => void };

/** A client that keeps positions only: this process has a thousand of them. */
function watch(): Promise<Watcher> {
  return new Promise((resolve, reject) => {
    const parser = new SseParser();
    const ids: number[] = [];
    const asked = request(url, { headers: { accept: 'text/event-stream' }, agent: false }, (response) => {
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        for (const { lastEventId } of parser.push(text)) ids.push(Number(lastEventId));
        resolve({ ids, parser, leave: () => void asked.destroy() });
      });
      response.on('error', () => {});
    });
    asked.on('error', reject).end();
  });
}

describe(`${CLIENTS} clients of one API process`, () => {
  test('each receive each event once and in order, and cost it little memory', async () => {
    const megabytes = async () => ((await api.metrics())['process_resident_memory_bytes'] ?? 0) / 1024 ** 2;
    await deposit(100);
    const watchers: Watcher[] = [];
    const idle = await megabytes();
    while (watchers.length < CLIENTS) {
      watchers.push(...(await Promise.all(Array.from({ length: 100 }, () => watch()))));
    }
    expect((await api.metrics())['tallybook_live_clients']).toBe(CLIENTS);
    const start = await ledger.reader.lastPosition();
    const memory: number[] = [];
    const sampling = setInterval(
      () =>
        void megabytes().then(
          (now) => memory.push(now),
          () => {},
        ),
      200,
    );
    for (let sent = 0; sent < EVENTS; sent += 60) await deposit(20);
    const expected = await published(start);
    expect(expected.length).toBeGreaterThanOrEqual(EVENTS);
    const complete = () => watchers.filter(({ ids }) => ids.length >= expected.length).length;
    await expect.poll(complete, { timeout: 20_000, interval: 100 }).toBe(CLIENTS);
    clearInterval(sampling);
    for (const { ids } of watchers) expect(ids).toEqual(expected);
    const metrics = await api.metrics();
    expect(metrics['tallybook_live_clients_dropped_total{reason="behind"}']).toBe(0);
    expect(metrics['tallybook_live_clients_dropped_total{reason="stalled"}']).toBe(0);
    // A queue of its own for each client would be a gigabyte: a thousand times a thousand events.
    expect(Math.max(...memory) - idle).toBeLessThan(250);
    for (const { leave } of watchers) leave();
    await expect.poll(async () => (await api.metrics())['tallybook_live_clients']).toBe(0);
  }, 60_000);
});
