import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { streamName } from '../../../contracts/subjects.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { startNats, type Server } from '../../../dev/servers/servers.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { openLog } from '../../../eventlog/nats/stream.ts';

const ledgerName = () => `t-${randomUUID().slice(0, 8)}`;
const ours = await readFile(fileURLToPath(new URL('../../../deploy/nats.conf', import.meta.url)), 'utf8');

let folder: string;
const servers: Server[] = [];
const connections: NatsConnection[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallybook-guard-'));
});
afterAll(async () => {
  await Promise.all(connections.map((nc) => nc.close()));
  await Promise.all(servers.map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

/** Connects to a server of its own that runs this configuration. */
async function connectToServerOf(text: string): Promise<NatsConnection> {
  const dataDir = join(folder, `${servers.length}`);
  const configuration = `${dataDir}.conf`;
  await writeFile(configuration, text);
  const started = await startNats({ port: await freePort(), dataDir, password: 'test', configuration });
  servers.push(started);
  return connection(started.url);
}

async function connection(url: string): Promise<NatsConnection> {
  const nc = await connectToNats(url, 'test');
  connections.push(nc);
  return nc;
}

describe('sync_interval', () => {
  test('that is always, as in our own configuration, is no reason to warn', async () => {
    const nc = await connection(inject('servers').natsUrl);
    expect(await openLog(nc, { ledger: ledgerName(), replicas: 1 })).toEqual({ warnings: [] });
  });

  test.each([
    ['left out', ours.replace('sync_interval: always', ''), /syncs to disk every 120 s, not every write/],
    [
      'ten seconds',
      ours.replace('sync_interval: always', 'sync_interval: 10s'),
      /every 10 s, not every write/,
    ],
  ])('that is %s is warned of', async (_, text, warning) => {
    const nc = await connectToServerOf(text);
    const { warnings } = await openLog(nc, { ledger: ledgerName(), replicas: 1 });
    expect(warnings).toEqual([expect.stringMatching(warning)]);
    expect(warnings[0]).toContain('sync_interval: always');
  });

  test('that cannot be asked for is one warning that says so, and no reason to wait', async () => {
    const nc = await connectToServerOf(
      'jetstream {}\nauthorization { user: tallybook, password: $NATS_PASSWORD }',
    );
    // A busy machine may take long once; what waits takes long each time.
    const took: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const started = performance.now();
      const { warnings } = await openLog(nc, { ledger: ledgerName(), replicas: 1 });
      expect(warnings).toEqual([expect.stringContaining('cannot be known here')]);
      took.push(performance.now() - started);
    }
    expect(Math.min(...took)).toBeLessThan(1_000);
  });

  test('is told to the ledger’s own user, and not to readers', async () => {
    const { host } = new URL(inject('servers').natsUrl);
    const reader = await connect({ servers: host });
    connections.push(reader);
    await expect(reader.request('$SYS.REQ.SERVER.PING.JSZ', '', { timeout: 1_000 })).rejects.toThrow(
      /no responders/,
    );
  });
});

describe('replicas', () => {
  test('other than STREAM_REPLICAS are warned of, and not changed', async () => {
    const nc = await connection(inject('servers').natsUrl);
    const ledger = ledgerName();
    await openLog(nc, { ledger, replicas: 1 });
    const { warnings } = await openLog(nc, { ledger, replicas: 3 });
    expect(warnings).toEqual([expect.stringMatching(/has one copy, but STREAM_REPLICAS asks for 3/)]);
    const { config } = await (await jetstreamManager(nc)).streams.info(streamName(ledger));
    expect(config.num_replicas).toBe(1);
  });
});

describe('settings', () => {
  test.each([
    ['max_msg_size', 100],
    ['max_consumers', 2],
    ['no_ack', true],
    ['allow_msg_ttl', true],
    ['max_age', 3_600_000_000_000],
  ])('%s of %s in an otherwise good stream is refused', async (setting, value) => {
    const nc = await connection(inject('servers').natsUrl);
    const [good, bad] = [ledgerName(), ledgerName()];
    await openLog(nc, { ledger: good, replicas: 1 });
    const { streams } = await jetstreamManager(nc);
    const { config } = await streams.info(streamName(good));
    const text = JSON.stringify({ ...config, [setting]: value }).replaceAll(good, bad);
    await streams.add(JSON.parse(text) as typeof config);
    await expect(openLog(nc, { ledger: bad, replicas: 1 })).rejects.toThrow(`${setting} is ${value}`);
  });
});
