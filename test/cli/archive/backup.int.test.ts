import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { createBulkStore, openBulkStream } from '../../../bulks/store.ts';
import { readManifest, readRest, type RestLine } from '../../../cli/archive/backup-folder.ts';
import { createImporter } from '../../../cli/archive/importer.ts';
import { WaitingScan } from '../../../cli/commands/waiting.ts';
import { appendSubject, BULK_STREAM, bulkSubject, streamName } from '../../../contracts/subjects.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { startNats, type Server } from '../../../dev/servers/servers.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { openLog } from '../../../eventlog/nats/stream.ts';
import type { EventReader } from '../../../eventlog/read/event-reader.ts';
import { createEventReader } from '../../../eventlog/read/reader.ts';
import { decision, createAccount, moveMoney, placeHold } from '../../support/ledgers/test-ledger.ts';
import { openWebhookLedger, type WebhookLedger } from '../../support/ledgers/webhook-ledger.ts';
import { commandLine, type Ran } from '../command-line.ts';
import { LATER, openSomeLedger } from '../some-ledger.ts';

const meta = { command_id: 'c', requested_at: LATER, actor: 'test', fingerprint: 'f', idempotency_key: 'k' };
const line = { source: 'alice', destination: 'bob', amount: '1', currency: 'EUR', metadata: {} };
const bulk = `bulk_${randomUUID().slice(0, 8)}`;
const half = `bulk_${randomUUID().slice(0, 8)}`;

let folder: string;
let second: Server;
let nc: NatsConnection;
let log: WebhookLedger;
let there: EventReader;
let here: (...args: string[]) => Promise<Ran>;
let copy: (...args: string[]) => Promise<Ran>;
let webhook: string;
/** The backup that the tests restore; each that changes it has a copy. */
let backup: string;
let events: number;

/** A ledger with money that waits, a bulk, and a webhook that had deliveries. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallybook-backup-'));
  second = await startNats({ port: await freePort(), dataDir: join(folder, 'nats'), password: 'test' });
  nc = await connectToNats(second.url, 'test');
  log = await openWebhookLedger();
  there = createEventReader(nc, log.ledger);
  here = commandLine({ ledger: log.ledger, natsUrl: inject('servers').natsUrl });
  copy = commandLine({ ledger: log.ledger, natsUrl: second.url });
  const receiver = await log.receiver();
  webhook = (await log.hook(receiver)).id;
  const dispatcher = await log.dispatch();
  await log.submit(createAccount('bob'));
  await log.deposit(3);
  await log.submit(
    moveMoney('waits', { source: 'alice', destination: 'bob', amount: '7' }, { approval_expires_at: LATER }),
  );
  await log.submit(placeHold('held', { account: 'alice', amount: '2' }, { expires_at: LATER }));
  const delivered = async () =>
    (await log.deliveries(webhook)).filter(({ status }) => status === 'delivered').length === 3;
  await vi.waitUntil(delivered, { timeout: 20_000 });
  await dispatcher.close();
  await openBulkStream(log.nc, 1);
  await createBulkStore(log.nc, log.ledger).create({ id: bulk, meta }, [{ ...line, transfer: 'tr_bulk' }]);
  // As if its manifest had come just after the backup had looked.
  await log.nc.request(bulkSubject(log.ledger, half, 'lines.0'), '[]');
  events = await log.reader.lastPosition();
  backup = join(folder, 'backup');
  await here('backup', backup, '--no-schedules');
});
afterAll(async () => {
  await nc.close();
  await log.close();
  await second.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The second server as after the loss of its data folder. */
beforeEach(async () => {
  const { streams } = await jetstreamManager(nc);
  for await (const { config } of streams.list()) await streams.delete(config.name);
});

/** The backup in a folder of its own, with its files changed. */
async function changed(change: (path: (name: string) => string) => Promise<unknown>): Promise<string> {
  const other = await mkdtemp(join(folder, 'changed-'));
  await cp(backup, other, { recursive: true });
  const names = await readdir(other);
  await change((start) =>
    join(
      other,
      names.find((name) => name.startsWith(start))!,
    ),
  );
  return other;
}

const lostNothing = async () => {
  expect((await copy('verify')).code).toBe(0);
  for (const words of [
    ['history', 'account', 'alice'],
    ['history', 'transfer', 'waits'],
    ['history', 'hold', 'held'],
    ['state', 'alice'],
  ]) {
    expect(await copy(...words)).toEqual(await here(...words));
  }
};

describe('restore', () => {
  test('brings back events, positions and hashes, and verifies them', async () => {
    const { code, out, errors: told } = await copy('restore', backup, '--no-resume');
    expect(code).toBe(0);
    expect(out).toContain(`Imported ${events} events`);
    expect(told).toContain('npm run ledger -- resume');
    await lostNothing();
    const digest = /Digest: (\S+)/.exec((await here('backup', backup, '--no-schedules')).out)?.[1];
    expect((await copy('verify', '--against', digest!)).code).toBe(0);
  });

  test('brings back bulks, webhooks with their secrets, and what became of deliveries', async () => {
    expect(await copy('restore', backup, '--no-resume')).toMatchObject({ code: 0 });
    const store = createBulkStore(nc, log.ledger);
    expect(await store.manifest(bulk)).toEqual(await createBulkStore(log.nc, log.ledger).manifest(bulk));
    expect(await store.lines(bulk, 0)).toEqual([{ ...line, transfer: 'tr_bulk' }]);
    // Of that one only a part was seen: the same request makes it anew.
    expect(await store.lines(half, 0)).toBeUndefined();
    const again = join(folder, 'again');
    expect((await copy('backup', again, '--no-schedules')).code).toBe(0);
    const sorted = async (path: string) =>
      (await restOf(path)).filter((one) => !one.includes(half)).toSorted();
    expect(await sorted(again)).toEqual(await sorted(backup));
    expect((await sorted(again)).join('')).toContain(`$KV.WEBHOOKS.${log.ledger}.${webhook}`);
  });

  test('what waits is asked for again word for word, and the restored log knows it', async () => {
    expect(await copy('restore', backup, '--no-resume')).toMatchObject({ code: 0 });
    const waiting = new WaitingScan();
    for await (const some of there.events()) for (const event of some) waiting.add(event);
    expect(waiting.requests().map(({ id }) => id)).toEqual(['waits', 'held']);
    const hand = await log.join({ url: second.url });
    for (const request of waiting.requests()) {
      expect(await hand.submit(request)).toMatchObject({ replayed: true });
    }
    expect(await there.lastPosition()).toBe(events);
    expect(await hand.submit(decision('waits', 'approve'))).toMatchObject({ transfer: { status: 'posted' } });
  });

  test('goes on where it was interrupted, and a second time changes nothing', async () => {
    await openLog(nc, { ledger: log.ledger, replicas: 1 });
    const importer = createImporter({ nc, reader: there, after: 0 });
    for await (const messages of log.reader.messages({ to: 5 })) {
      for (const message of messages) await importer.add(message);
    }
    await importer.end();
    expect(await there.lastPosition()).toBeGreaterThan(0);
    const { code, out } = await copy('restore', backup, '--no-resume');
    expect([code, out]).toEqual([0, expect.stringContaining('were there already')]);
    expect(await copy('restore', backup, '--no-resume')).toMatchObject({ code: 0 });
    await lostNothing();
  });

  test('says that Temporal does not answer before it has written anything', async () => {
    expect(await copy('restore', backup)).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/^Temporal at 127.0.0.1:1 does not answer/),
    });
    await expect(there.lastPosition()).rejects.toThrow('stream not found');
  });
});

describe('is refused', () => {
  type Change = (path: (name: string) => string) => Promise<unknown>;

  test.each<[string, Change, [number, RegExp]]>([
    ['without its manifest', (path) => rm(path('backup.json')), [2, /is no backup: it has no backup.json/]],
    [
      'with a changed manifest',
      (path) => edit(path('backup.json'), /"position":\d+/, '"position":3'),
      [1, /backup.json was changed/],
    ],
    [
      'with a changed amount',
      (path) => edit(path('log'), '"amount":"7"', '"amount":"8"'),
      [1, /its checksum/],
    ],
    ['cut off in the middle', (path) => cut(path('log'), 0.5), [1, /its checksum|is cut off/]],
    ['without its log', (path) => rm(path('log')), [2, /cannot be read/]],
    [
      'with another secret',
      (path) => edit(path('rest'), '"data_base64":"', '"data_base64":"A'),
      [1, /was changed/],
    ],
    ['with the rest cut off', (path) => cut(path('rest'), 0.5), [1, /was changed, or cut off/]],
    ['without the rest', (path) => rm(path('rest')), [1, /cannot be read/]],
  ])('a backup %s, and nothing is written', async (_, change, [code, why]) => {
    const other = await changed(change);
    expect(await copy('restore', other, '--no-resume')).toMatchObject({
      code,
      errors: expect.stringMatching(why),
    });
    await expect(there.lastPosition()).rejects.toThrow('stream not found');
  });

  test('a ledger that has other events, or bulks, or another name', async () => {
    await openBulkStream(nc, 1);
    await createBulkStore(nc, log.ledger).create({ id: bulk, meta }, [{ ...line, transfer: 'tr_other' }]);
    expect(await copy('restore', backup, '--no-resume')).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/is not empty: it has bulks/),
    });
    await (await jetstreamManager(nc)).streams.delete(BULK_STREAM.name);
    const hand = await log.join({ url: second.url });
    await hand.submit(createAccount('carol'));
    expect(await copy('restore', backup, '--no-resume')).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/is not empty: it has 1 events/),
    });
    const renamed = commandLine({ ledger: 'renamed', natsUrl: second.url });
    expect(await renamed('restore', backup, '--no-resume')).toMatchObject({
      code: 2,
      errors: expect.stringContaining(`LEDGER=${log.ledger}`),
    });
  });
});

describe('backup', () => {
  test('again adds what is new; one that is interrupted leaves the one before as it was', async () => {
    const own = await openSomeLedger();
    const from = commandLine({ ledger: own.ledger, natsUrl: inject('servers').natsUrl });
    const into = commandLine({ ledger: own.ledger, natsUrl: second.url });
    const path = join(folder, 'twice');
    expect((await from('backup', path, '--no-schedules')).out).toContain('16 events');
    await own.submit(createAccount('carol'));
    // It had begun to write, and got as far as half a line.
    expect((await from('export', join(path, 'log.ndjson'), '--resume')).code).toBe(0);
    await appendFile(join(path, 'log.ndjson'), '{"position":18,');
    await writeFile(join(path, 'rest-1.ndjson'), '{"mess');
    expect((await into('restore', path, '--no-resume')).out).toContain('Imported 16 events');
    await (await jetstreamManager(nc)).streams.delete(streamName(own.ledger));
    const { code, out } = await from('backup', path, '--no-schedules');
    expect([code, out]).toEqual([0, expect.stringContaining('17 events')]);
    const names = await readdir(path);
    expect(names).toEqual(['backup.json', 'log.ndjson', expect.stringMatching(/^rest-\d{5,}.ndjson$/)]);
    expect((await into('restore', path, '--no-resume')).out).toContain('Imported 17 events');
    await own.close();
  });

  test('of a broken ledger is refused', async () => {
    const own = await openSomeLedger();
    const from = commandLine({ ledger: own.ledger, natsUrl: inject('servers').natsUrl });
    const forged = appendSubject(own.ledger, { aggregate: 'account', id: 'alice' }, 'deposited');
    await own.nc.request(forged, '{"amount":"1000"}');
    const path = join(folder, 'broken');
    expect(await from('backup', path, '--no-schedules')).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/is broken at position 17/),
    });
    expect(await from('restore', path)).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/no backup/),
    });
    await own.close();
  });

  test('of a ledger in use ends with a whole batch', async () => {
    const own = await openSomeLedger();
    const from = commandLine({ ledger: own.ledger, natsUrl: inject('servers').natsUrl });
    const into = commandLine({ ledger: own.ledger, natsUrl: second.url });
    const going = new AbortController();
    const one = (id: string) =>
      own.submit(moveMoney(id, { source: 'world_EUR', destination: 'bob', amount: '1' }));
    const load = (async () => {
      for (let round = 0; !going.signal.aborted; round += 1) {
        await Promise.all(Array.from({ length: 20 }, (_, index) => one(`l-${round}-${index}`)));
      }
    })();
    const path = join(folder, 'in-use');
    for (let times = 0; times < 3; times += 1) {
      expect(await from('backup', path, '--no-schedules')).toMatchObject({ code: 0 });
    }
    going.abort();
    await load;
    const { position } = await readManifest(path);
    expect(await into('restore', path, '--no-resume')).toMatchObject({ code: 0 });
    expect(await createEventReader(nc, own.ledger).lastPosition()).toBe(position);
    await own.close();
  }, 90_000);

  test('does not write over what is none, and wants Temporal or leave to go without', async () => {
    const busy = await mkdtemp(join(folder, 'busy-'));
    await writeFile(join(busy, 'letter.txt'), 'dear');
    expect(await here('backup', busy, '--no-schedules')).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/has other files/),
    });
    const other = await openSomeLedger();
    const foreign = commandLine({ ledger: other.ledger, natsUrl: inject('servers').natsUrl });
    expect(await foreign('backup', backup, '--no-schedules')).toMatchObject({
      code: 2,
      errors: expect.stringContaining(`is a backup of the ledger "${log.ledger}"`),
    });
    expect(await here('backup', join(folder, 'none'))).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/does not answer[^]*--no-schedules leaves them out/),
    });
    await expect(readdir(join(folder, 'none'))).rejects.toThrow('ENOENT');
    await other.close();
  });
});

async function restOf(path: string): Promise<string[]> {
  const lines: RestLine[] = [];
  for await (const one of readRest(path, await readManifest(path))) lines.push(one);
  return lines.map((one) => JSON.stringify(one));
}

async function edit(path: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  expect(text).toMatch(from);
  await writeFile(path, text.replace(from, to));
}

async function cut(path: string, share: number): Promise<void> {
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, Math.floor(bytes.length * share)));
}
