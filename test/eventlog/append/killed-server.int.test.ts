import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RecordedEvent } from '../../../contracts/events.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { startNats } from '../../../dev/servers/servers.ts';
import { createAppender } from '../../../eventlog/append/appender.ts';
import { Audit } from '../../../eventlog/audit/audit.ts';
import { LogUnavailable } from '../../../eventlog/errors.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { openLog } from '../../../eventlog/nats/stream.ts';
import { createEventReader } from '../../../eventlog/read/reader.ts';
import { createAccount, moveMoney } from '../../support/ledgers/test-ledger.ts';

const ledger = 'killed';
const KILLS = 5;
const CALLERS = 60;

test('a nats-server that is killed in the middle of batches keeps all that it acknowledged, and no part of a batch', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallybook-killed-'));
  const port = await freePort();
  const start = () => startNats({ port, dataDir, password: 'test' });
  let nats = await start();
  const connections = await Promise.all(['one', 'two'].map((name) => connectToNats(nats.url, name)));
  await openLog(connections[0]!, { ledger, replicas: 1 });
  const readers = connections.map((nc) => createEventReader(nc, ledger));
  const appenders = connections.map((nc, index) =>
    createAppender(nc, readers[index]!, { ledger, clock: () => new Date() }),
  );
  try {
    for (const id of ['a', 'b', 'c']) {
      await appenders[0]!.submit({ request: createAccount(id), workflowId: `account/${id}` });
    }
    const acknowledged = new Map<string, number>();
    const stop = new AbortController();
    /** Asks until it is answered, as a workflow would. */
    const pay = async (id: string, appender: (typeof appenders)[number]) => {
      const request = moveMoney(id, {
        source: 'world_EUR',
        destination: ['a', 'b', 'c'][id.length % 3]!,
        amount: '1',
      });
      for (;;) {
        try {
          const outcome = await appender.submit({ request, workflowId: `transfer/${id}` });
          if (outcome.type === 'transfer') acknowledged.set(id, outcome.position);
          return;
        } catch (error) {
          if (!(error instanceof LogUnavailable)) throw error;
        }
      }
    };
    const callers = Array.from({ length: CALLERS }, async (_, caller) => {
      for (let count = 0; !stop.signal.aborted; count++) {
        await pay(`t-${caller}-${count}`, appenders[caller % 2]!);
      }
    });
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(200 + Math.random() * 400);
      nats.kill();
      await nats.exited;
      nats = await start();
    }
    await sleep(500);
    stop.abort();
    await Promise.all(callers);

    const events: RecordedEvent[] = [];
    for await (const some of readers[0]!.events()) events.push(...some);
    const stored = new Map(
      events.filter((e) => e.aggregate === 'transfer').map((e) => [e.aggregateId, e.position]),
    );
    expect(acknowledged.size).toBeGreaterThan(CALLERS);
    expect([...acknowledged].filter(([id, position]) => stored.get(id) !== position)).toEqual([]);
    expect(events.filter(({ aggregate }) => aggregate === 'transfer')).toHaveLength(stored.size);
    expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => index + 1));
    // No batch without its end, no leg without its transfer, no chain with a gap.
    const audit = new Audit({ ledger });
    for await (const some of readers[0]!.messages()) {
      for (const message of some) expect(audit.add(message).finding).toBeUndefined();
    }
    expect(audit.end()).toBeUndefined();
  } finally {
    await Promise.all(connections.map((nc) => nc.close()));
    await nats.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}, 60_000);
