import { randomUUID } from 'node:crypto';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createBulkStore, openBulkStream, type BulkStore } from '../../bulks/store.ts';
import { BULK_STREAM, bulkSubject, streamName } from '../../contracts/subjects.ts';
import { connectToNats } from '../../eventlog/nats/connection.ts';
import { openLog } from '../../eventlog/nats/stream.ts';
import type { ChunkResults, StoredLine } from '../../messages/bulk-jobs.ts';

const ledger = `t-${randomUUID().slice(0, 8)}`;
const newId = () => `bulk_${randomUUID().replaceAll('-', '')}`;

let nc: NatsConnection;
let store: BulkStore;
beforeAll(async () => {
  nc = await connectToNats(inject('servers').natsUrl, 'test');
  await openBulkStream(nc, 1);
  store = createBulkStore(nc, ledger);
});
afterAll(() => nc.close());

const meta = {
  command_id: 'cmd_1',
  requested_at: '2026-01-01T00:00:00.000Z',
  actor: 'test',
  fingerprint: 'f',
  idempotency_key: 'k',
};

function lines(count: number, reference = 'r'): StoredLine[] {
  return Array.from({ length: count }, (_, index) => ({
    transfer: `tr_${index}`,
    source: 'alice',
    destination: 'bob',
    amount: '1',
    currency: 'EUR',
    reference,
    metadata: {},
  }));
}

const results = (posted: number): ChunkResults => ({
  outcomes: [{ line: 1, status: 'posted' }],
  counts: { posted, rejected: 0, failed: 0, position: posted },
  at: '2026-01-01T00:00:01.000Z',
});

describe('a bulk', () => {
  test('of ten thousand lines, and one of 16 MB, comes back as it was sent, chunk by chunk', async () => {
    for (const sent of [lines(10_000), lines(2_000, 'é'.repeat(4_000))]) {
      const id = newId();
      const { manifest, fresh } = await store.create({ id, meta }, sent);
      expect(fresh).toBe(true);
      expect(await store.manifest(id)).toEqual(manifest);
      const read = [];
      for (const [chunk, size] of manifest.chunks.entries()) {
        const some = (await store.lines(id, chunk)) ?? [];
        expect(some).toHaveLength(size);
        read.push(...some);
      }
      expect(read).toEqual(sent);
      expect(await store.lines(id, manifest.chunks.length)).toBeUndefined();
    }
  });

  test('is stored once: of many at the same time one is, and all are told of that one', async () => {
    const id = newId();
    const tries = Array.from({ length: 10 }, (_, index) =>
      store.create({ id, meta: { ...meta, fingerprint: `f${index}` } }, lines(700 + index)),
    );
    const told = await Promise.all(tries);
    expect(told.filter(({ fresh }) => fresh)).toHaveLength(1);
    expect(new Set(told.map(({ manifest }) => JSON.stringify(manifest))).size).toBe(1);
    const winner = Number(told[0]?.manifest.meta.fingerprint.slice(1));
    expect(told[0]?.manifest.chunks).toEqual([300, 300, 100 + winner]);
  });

  test('that is not there has no manifest, no lines and no results', async () => {
    const id = newId();
    expect(await store.manifest(id)).toBeUndefined();
    expect(await store.lines(id, 0)).toBeUndefined();
    expect(await store.latestResults(id)).toBeUndefined();
  });
});

describe('the results of a chunk', () => {
  test('are those that were kept first, and the latest chunk tells how far it is', async () => {
    const id = newId();
    expect(await store.keepResults(id, 0, results(1))).toEqual(results(1));
    expect(await store.keepResults(id, 0, results(2))).toEqual(results(1));
    await store.keepResults(id, 1, results(3));
    expect(await store.results(id, 0)).toEqual(results(1));
    expect(await store.latestResults(id)).toEqual(results(3));
  });
});

describe('the stream', () => {
  test('lets nobody delete what it has', async () => {
    const { streams } = await jetstreamManager(nc);
    const { config } = await streams.info(BULK_STREAM.name);
    expect(config).toMatchObject({ deny_delete: true, deny_purge: true, storage: 'file' });
    await expect(streams.deleteMessage(BULK_STREAM.name, 1)).rejects.toThrow(/delete not permitted/);
    await expect(streams.purge(BULK_STREAM.name)).rejects.toThrow(/purge not permitted/);
  });
});

/** What is asked of a stream's name, and with which body. */
function questions(stream: string): [string, object][] {
  const consumer = { stream_name: stream, config: { name: 'c', ack_policy: 'none', mem_storage: true } };
  const durable = { stream_name: stream, config: { ...consumer.config, durable_name: 'c' } };
  return [
    [`STREAM.INFO.${stream}`, {}],
    [`STREAM.MSG.GET.${stream}`, { seq: 1 }],
    [`CONSUMER.CREATE.${stream}`, { stream_name: stream, config: { ack_policy: 'none' } }],
    [`CONSUMER.CREATE.${stream}.c`, consumer],
    [`CONSUMER.CREATE.${stream}.c.bulk.>`, consumer],
    [`CONSUMER.DURABLE.CREATE.${stream}.c`, durable],
    [`CONSUMER.NAMES.${stream}`, {}],
    [`CONSUMER.LIST.${stream}`, {}],
    [`CONSUMER.INFO.${stream}.c`, {}],
    [`CONSUMER.MSG.NEXT.${stream}.c`, { batch: 1, no_wait: true }],
    [`DIRECT.GET.${stream}`, { seq: 1 }],
    [`DIRECT.GET.${stream}.${bulkSubject(ledger, 'x', 'manifest')}`, {}],
  ];
}

describe('a reader without a password', () => {
  let reader: NatsConnection;
  beforeAll(async () => {
    await openLog(nc, { ledger, replicas: 1 });
    reader = await connect({ servers: new URL(inject('servers').natsUrl).host });
  });
  afterAll(() => reader.close());

  test.each(questions(BULK_STREAM.name))('may not ask %s', async (subject, question) => {
    const asked = reader.request(`$JS.API.${subject}`, JSON.stringify(question), { timeout: 1_000 });
    await expect(asked).rejects.toThrow(/permissions violation/i);
  });

  test('may still read the log', async () => {
    const asked = await reader.request(`$JS.API.STREAM.INFO.${streamName(ledger)}`, '', { timeout: 1_000 });
    expect(asked.json()).toHaveProperty('config');
  });

  test('hears of none', async () => {
    let heard = 0;
    reader.subscribe('bulk.>', { callback: () => void (heard += 1) });
    await reader.flush();
    await store.create({ id: newId(), meta }, lines(1));
    await reader.flush();
    expect(heard).toBe(0);
  });

  test('cannot write one: what it publishes stays with the readers', async () => {
    const id = newId();
    reader.publish(bulkSubject(ledger, id, 'manifest'), JSON.stringify({ id, meta, chunks: [1] }));
    await reader.flush();
    await nc.flush();
    expect(await store.manifest(id)).toBeUndefined();
  });
});
