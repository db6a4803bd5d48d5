import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { streamName, streamSubjects } from '../../../contracts/subjects.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { openLog } from '../../../eventlog/nats/stream.ts';
import { directGet } from '../../../eventlog/read/direct-get.ts';
import { FIRST_HASH, hashOf } from '../../../eventlog/wire/codec.ts';
import {
  createAccount,
  moveMoney,
  openTestLedger,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';

let log: TestLedger;
beforeAll(async () => {
  log = await openTestLedger();
  await log.submit(createAccount('alice'));
  await Promise.all(
    Array.from({ length: 800 }, (_, index) =>
      log.submit(moveMoney(`t${index}`, { source: 'world_EUR', destination: 'alice', amount: '1' })),
    ),
  );
});
afterAll(() => log.close());

describe('the chain', () => {
  test('every stored hash is that of the message, follows the one before, and versions have no gaps', async () => {
    const ends = new Map<string, { version: number; hash: string }>();
    for (let seq = 1, last = await log.reader.lastPosition(); seq <= last; seq += 500) {
      const query = { seq, next_by_subj: `ledger.${log.ledger}.>`, batch: 500 };
      for (const message of await directGet(log.nc, streamName(log.ledger), query)) {
        const aggregate = message.subject.split('.').slice(2, 4).join('/');
        const end = ends.get(aggregate) ?? { version: 0, hash: FIRST_HASH };
        expect(message.headers.get('ce-prevhash')).toBe(end.hash);
        expect(message.headers.get('ce-version')).toBe(String(end.version + 1));
        expect(message.headers.get('ce-hash')).toBe(hashOf(message));
        ends.set(aggregate, { version: end.version + 1, hash: message.headers.get('ce-hash') ?? '' });
      }
    }
    expect(ends.get('account/alice')?.version).toBe(801);
  });
});

describe('following', () => {
  test('gives every event once and in order, and never a part of a batch', async () => {
    const seen: number[] = [];
    const last = await log.reader.lastPosition();
    for await (const events of log.reader.follow(0, new AbortController().signal)) {
      expect(events.length).toBeLessThanOrEqual(1_000);
      const end = events.at(-1);
      expect(end?.batch === undefined || end.batch.last).toBe(true);
      seen.push(...events.map(({ position }) => position));
      if (seen.length >= last) break;
    }
    expect(seen).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  });

  test('begins after the position that it is given, and goes on with what comes', async () => {
    const from = (await log.reader.lastPosition()) - 3;
    const seen: number[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const events of log.reader.follow(from, stop.signal)) {
        seen.push(...events.map(({ position }) => position));
        if (seen.length >= 6) stop.abort();
      }
    })();
    await expect.poll(() => seen.length).toBe(3);
    await log.submit(moveMoney('next', { source: 'world_EUR', destination: 'alice', amount: '1' }));
    await following;
    expect(seen).toEqual([1, 2, 3, 4, 5, 6].map((n) => from + n));
  });
});

describe('reading', () => {
  test('pages by position, by account and by type', async () => {
    const [first, second] = await log.reader.read(0, 2);
    expect([first?.name, second?.name]).toEqual(['AccountCreated', 'MoneyWithdrawn']);
    const ofAlice = await log.reader.read(0, 3, { account: 'alice' });
    expect(ofAlice.map(({ name }) => name)).toEqual(['AccountCreated', 'MoneyDeposited', 'MoneyDeposited']);
    const completed = await log.reader.read(0, 3, { type: 'ledger.TransferCompleted.v1' });
    expect(new Set(completed.map(({ name }) => name))).toEqual(new Set(['TransferCompleted']));
    const both = await log.reader.read(0, 3, { account: 'alice', type: 'ledger.MoneyDeposited.v1' });
    expect(both.map(({ version }) => version)).toEqual([2, 3, 4]);
    expect(await log.reader.read(await log.reader.lastPosition(), 3)).toEqual([]);
  });
});

describe('the stream', () => {
  test('is refused at start when it is not what a ledger needs, and is not changed', async () => {
    const nc = await connectToNats(inject('servers').natsUrl, 'test');
    const ledger = `wrong-${randomUUID().slice(0, 8)}`;
    const { listens } = streamSubjects(ledger);
    const manager = await jetstreamManager(nc);
    await manager.streams.add({ name: streamName(ledger), subjects: listens, max_msgs: 10 });
    const opened = openLog(nc, { ledger, replicas: 1 });
    await expect(opened).rejects.toThrow(/allow_atomic is .*not true/s);
    await expect(openLog(nc, { ledger, replicas: 1 })).rejects.toThrow(/max_msgs is 10, not -1/);
    expect((await manager.streams.info(streamName(ledger))).config.max_msgs).toBe(10);
    await manager.streams.delete(streamName(ledger));
    await nc.close();
  });

  test('lets nobody delete from the log', async () => {
    const manager = await jetstreamManager(log.nc);
    await expect(manager.streams.deleteMessage(streamName(log.ledger), 1)).rejects.toThrow(/not permitted/);
    await expect(manager.streams.purge(streamName(log.ledger))).rejects.toThrow(/not permitted/);
  });
});
