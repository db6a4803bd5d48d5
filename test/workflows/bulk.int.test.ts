/** Bulks on a real log and a real Temporal. */
import type { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { idempotencyKey } from '../../api/commands/idempotency.ts';
import type { BulkResource } from '../../contracts/bulks.ts';
import type { BulkCounts, BulkProgress } from '../../messages/bulk-jobs.ts';
import { appenderMetrics } from '../../metrics/appender-metrics.ts';
import { createMetrics } from '../../metrics/registry.ts';
import { connectToTemporal, quietTemporalLogs } from '../../worker/connection.ts';
import { startWorker, type RunningWorker } from '../../worker/worker.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/attributes.ts';
import { bulkClient, outcomesOf, type BulkClient, type Line } from '../support/ledgers/bulk-ledger.ts';
import { createAccount, moveMoney } from '../support/ledgers/test-ledger.ts';
import { startKilledWorkers, type KilledWorkers } from '../support/processes/killed-workers.ts';

quietTemporalLogs();

const KIND = SEARCH_ATTRIBUTES.kind;

const money = (source: string, destination: string, amount = '1'): Line => {
  return { source, destination, amount, currency: 'EUR' };
};

/** Opens accounts and pays in what the test is to move. */
async function prepare({ log }: Pick<KilledWorkers, 'log'>, amount: string): Promise<void> {
  for (const id of ['alice', 'bob', 'carol', 'poor']) await log.submit(createAccount(id));
  await log.submit(moveMoney('paid-in', { source: 'world_EUR', destination: 'alice', amount }));
}

/** Of every hundred lines one is rejected, one fails, and the others move one from alice to bob or carol. */
function mixed(count: number): Line[] {
  return Array.from({ length: count }, (_, index) => {
    if (index % 100 === 40) return money('poor', 'alice');
    if (index % 100 === 70) return money('alice', 'ghost');
    return { ...money('alice', index % 2 === 0 ? 'bob' : 'carol'), id: `line-${index + 1}` };
  });
}

/** A bulk as the API stores it. */
function storable(name: string, lines: readonly Line[]) {
  const key = idempotencyKey(name);
  const meta = {
    command_id: key.commandId,
    requested_at: new Date().toISOString(),
    actor: 'test',
    fingerprint: name,
    idempotency_key: key.keyHash,
  };
  const stored = lines.map((line, index) => {
    return { ...line, metadata: {}, transfer: key.lineTransferId({ number: index + 1 }) };
  });
  return [{ id: key.bulkId, meta }, stored] as const;
}

/** The outcomes of all lines, and the log, say the same: each line once, and no money made or lost. */
async function check(
  { log }: Pick<KilledWorkers, 'log'>,
  client: BulkClient,
  { id, sent }: { id: string; sent: Line[] },
) {
  const outcomes = await client.outcomes(id);
  expect(outcomes.map(({ line }) => line)).toEqual(sent.map((_, index) => index + 1));
  expect(outcomes.map((outcome) => outcome.id)).toEqual(sent.map((line) => line.id));
  const expected = sent.map(({ source, destination }) => {
    if (destination === 'ghost') return 'failed account_not_found';
    return source === 'poor' ? 'rejected insufficient_funds' : 'posted ';
  });
  expect(outcomes.map(({ status, code = '' }) => `${status} ${code}`)).toEqual(expected);
  const { ends, posted, sum } = outcomesOf(await log.allEvents(), id);
  const recorded = outcomes.filter(({ status }) => status !== 'failed');
  expect(ends.size).toBe(recorded.length);
  for (const { transfer = '', status } of recorded) {
    expect(ends.get(transfer)).toEqual([status === 'posted' ? 'TransferCompleted' : 'TransferRejected']);
  }
  const moved = BigInt(expected.filter((outcome) => outcome === 'posted ').length);
  expect((posted.get('bob') ?? 0n) + (posted.get('carol') ?? 0n)).toBe(moved);
  expect(sum).toBe(0n);
  const positions = recorded.map(({ position = 0 }) => position);
  const last = (await client.bulk(id)).position;
  expect(last).toBe(Math.max(...positions));
}

describe('ten thousand lines', () => {
  let ledger: KilledWorkers;
  let client: BulkClient;
  const lines = mixed(10_000);
  let taken: BulkResource;
  let seen: BulkResource[];
  const queried: BulkProgress[] = [];
  beforeAll(async () => {
    ledger = await startKilledWorkers(0);
    client = bulkClient({ client: ledger.client, nc: ledger.log.nc }, ledger.log.ledger);
    await prepare(ledger, '10000');
    const response = await client.send(lines, 'salaries');
    taken = (await response.json()) as BulkResource;
    const handle = ledger.client.workflow.getHandle(taken.workflow_id);
    const asking = (async () => {
      do {
        queried.push(await handle.query<BulkProgress>('progress'));
        await new Promise((resolve) => setTimeout(resolve, 50));
      } while ((queried.at(-1)?.chunks_done ?? 0) < (queried.at(-1)?.chunks ?? 1));
    })();
    [seen] = await Promise.all([client.completed(taken.id), asking]);
  }, 120_000);
  afterAll(() => ledger.close());

  test('are carried out, each once, some rejected and some failed, and no money is made or lost', async () => {
    expect(seen.at(-1)).toMatchObject({
      status: 'completed',
      total: 10_000,
      done: 10_000,
      posted: 9_800,
      rejected: 100,
      failed: 100,
    });
    await check(ledger, client, { id: taken.id, sent: lines });
  });

  test('show how far they are while they are carried out, over HTTP and by query', () => {
    const done = seen.map((bulk) => bulk.done);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(new Set(done).size).toBeGreaterThan(3);
    for (const bulk of seen.slice(0, -1)) {
      expect(bulk).toMatchObject({ status: 'running', total: 10_000 });
      expect(bulk.posted + bulk.rejected + bulk.failed).toBe(bulk.done);
    }
    // Queries are answered between two workflow tasks: after the first run, and at the end.
    expect(new Set(queried.map((one) => one.chunks_done)).size).toBeGreaterThan(1);
    expect(queried.at(-1)).toMatchObject({ chunks: 34, chunks_done: 34, posted: 9_800, rejected: 100 });
  });

  test('sent again are the same bulk, answered the same, and nothing moves', async () => {
    const before = await ledger.log.reader.lastPosition();
    const again = await client.send(lines, 'salaries');
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
    expect(await again.json()).toEqual(taken);
    const other = await client.send(lines.toReversed(), 'salaries');
    expect(other.status).toBe(422);
    expect(await ledger.log.reader.lastPosition()).toBe(before);
  });

  test('leave a workflow that ends with the counts, a small history, and attributes to find it by', async () => {
    const handle = ledger.client.workflow.getHandle(taken.workflow_id);
    expect(await handle.result()).toMatchObject({ posted: 9_800, rejected: 100, failed: 100 });
    const { status, historyLength, typedSearchAttributes } = await handle.describe();
    expect(status.name).toBe('COMPLETED');
    expect(historyLength).toBeLessThan(200);
    const attributes = Object.fromEntries(
      typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
    );
    expect(attributes).toMatchObject({ LedgerKind: 'bulk', LedgerStatus: 'completed' });
  });
});

describe('a worker that is killed', () => {
  // In the second chunk, with its batch in the log; and in the third, when two are done.
  test.concurrent.each([450, 601])(
    'after command %i: the next one goes on, and no line is done twice',
    async (killAfter) => {
      const ledger = await startKilledWorkers(killAfter);
      try {
        const client = bulkClient({ client: ledger.client, nc: ledger.log.nc }, ledger.log.ledger);
        await prepare(ledger, '2000');
        const lines = mixed(1_500);
        const { id } = (await (await client.send(lines)).json()) as BulkResource;
        await client.completed(id, 100_000);
        expect(ledger.killed()).toBe(1);
        await check(ledger, client, { id, sent: lines });
      } finally {
        await ledger.close();
      }
    },
    120_000,
  );
});

describe('with a worker in this process', () => {
  let ledger: KilledWorkers;
  let connection: NativeConnection;
  let worker: RunningWorker;
  let client: BulkClient;

  /** A worker with room for few commands, so that lines have to be tried again. */
  const start = async () =>
    (worker = await startWorker({
      connection,
      nc: ledger.log.nc,
      namespace: ledger.log.ledger,
      ledger: ledger.log.ledger,
      streamReplicas: 1,
      queueMax: 100,
      observer: appenderMetrics(createMetrics()),
      workflowBundle: { codePath: inject('servers').workflowBundle },
    }));

  beforeAll(async () => {
    ledger = await startKilledWorkers();
    connection = await connectToTemporal(inject('servers').temporalAddress);
    client = bulkClient({ client: ledger.client, nc: ledger.log.nc }, ledger.log.ledger);
    await prepare(ledger, '100000');
    await start();
  }, 120_000);
  afterAll(async () => {
    await worker.close();
    await connection.close();
    await ledger.close();
  });

  test('and a queue that is full: lines that find no room are tried again', async () => {
    const { id } = (await (await client.send(mixed(900))).json()) as BulkResource;
    const seen = await client.completed(id);
    expect(seen.at(-1)).toMatchObject({ posted: 882, rejected: 9, failed: 9 });
  });

  test('a run ends when its history has had enough, and the next one goes on with the counts', async () => {
    const lines = mixed(1_500);
    const { manifest } = await client.store.create(...storable('continued', lines));
    const handle = await ledger.client.workflow.start<(request: object) => Promise<BulkCounts>>('bulk', {
      workflowId: `bulk/${manifest.id}`,
      taskQueue: 'ledger',
      args: [{ id: manifest.id, chunks: manifest.chunks.length, chunks_a_run: 2 }],
      typedSearchAttributes: [{ key: KIND, value: 'bulk' }],
    });
    expect(await handle.result()).toMatchObject({ posted: 1_470, rejected: 15, failed: 15 });
    const last = ledger.client.workflow.getHandle(`bulk/${manifest.id}`);
    const { typedSearchAttributes, runId } = await last.describe();
    expect(runId).not.toBe(handle.firstExecutionRunId);
    expect(typedSearchAttributes.get(KIND)).toBe('bulk');
    // 2 chunks, 2 chunks, and the last one.
    const first = await ledger.client.workflow
      .getHandle(`bulk/${manifest.id}`, handle.firstExecutionRunId)
      .fetchHistory();
    expect(first.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes).toBeTruthy();
    expect(await client.bulk(manifest.id)).toMatchObject({ status: 'completed', done: 1_500 });
  });

  test('stopped in the middle ends in time, and goes on when it is back', async () => {
    const { id } = (await (await client.send(mixed(9_000))).json()) as BulkResource;
    await expect.poll(async () => (await client.bulk(id)).done).toBeGreaterThan(0);
    const stopped = performance.now();
    await worker.close();
    expect(performance.now() - stopped).toBeLessThan(13_000);
    const before = await client.bulk(id);
    expect(before.done).toBeLessThan(9_000);
    await start();
    expect((await client.completed(id)).at(-1)).toMatchObject({ posted: 8_820, rejected: 90, failed: 90 });
  });

  test('cancelled stops between two chunks, says so, and the same request again takes it up', async () => {
    const lines = mixed(9_000);
    const { id } = (await (await client.send(lines, 'cancelled')).json()) as BulkResource;
    const handle = ledger.client.workflow.getHandle(`bulk/${id}`);
    await expect.poll(async () => (await client.bulk(id)).done).toBeGreaterThan(0);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(/cancel/i);
    const stopped = await client.bulk(id);
    expect(stopped.status).toBe('stopped');
    expect(stopped.done % 300).toBe(0);
    const again = await client.send(lines, 'cancelled');
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await client.completed(id)).at(-1)).toMatchObject({ posted: 8_820, rejected: 90, failed: 90 });
  });

  test('a bulk that was stored but not started is started by whoever asks for it', async () => {
    const { manifest } = await client.store.create(...storable('orphan', mixed(10)));
    expect((await client.bulk(manifest.id)).status).toBe('running');
    expect((await client.completed(manifest.id)).at(-1)).toMatchObject({ posted: 10 });
  });
});
