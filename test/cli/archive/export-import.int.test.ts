import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { createImporter } from '../../../cli/archive/importer.ts';
import { streamName } from '../../../contracts/subjects.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { startNats, type Server } from '../../../dev/servers/servers.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { openLog } from '../../../eventlog/nats/stream.ts';
import type { EventReader } from '../../../eventlog/read/event-reader.ts';
import { createEventReader } from '../../../eventlog/read/reader.ts';
import { decision, createAccount, type TestLedger } from '../../support/ledgers/test-ledger.ts';
import { commandLine, ledgerProcess, type Ran } from '../command-line.ts';
import { openSomeLedger, openWaitingLedger } from '../some-ledger.ts';

/** More than one atomic batch holds. */
const DEPOSITS = 900;
const EVENTS = 16 + 3 * DEPOSITS;

let folder: string;
let second: Server;
let nc: NatsConnection;
let there: EventReader;
let log: TestLedger;
let here: (...args: string[]) => Promise<Ran>;
let copy: (...args: string[]) => Promise<Ran>;
let file: string;
let digest: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallybook-cli-'));
  second = await startNats({ port: await freePort(), dataDir: folder, password: 'test' });
  log = await openSomeLedger(DEPOSITS);
  nc = await connectToNats(second.url, 'test');
  there = createEventReader(nc, log.ledger);
  here = commandLine({ ledger: log.ledger, natsUrl: inject('servers').natsUrl });
  copy = commandLine({ ledger: log.ledger, natsUrl: second.url });
  file = join(folder, 'export.ndjson');
  await here('export', file);
  digest = (JSON.parse((await here('verify', '--json')).out) as { anchor: string }).anchor;
});
afterAll(async () => {
  await nc.close();
  await log.close();
  await second.stop();
  await rm(folder, { recursive: true, force: true });
});

const emptyCopy = async () => {
  const manager = await jetstreamManager(nc);
  await manager.streams.delete(streamName(log.ledger)).catch(() => false);
};

async function exportCutAt(bytes: number): Promise<string> {
  const cut = join(folder, `cut-${bytes}.ndjson`);
  await writeFile(cut, (await readFile(file)).subarray(0, bytes));
  return cut;
}

/** Where the n-th line ends. */
async function endOfLine(number: number): Promise<number> {
  const bytes = await readFile(file);
  let end = 0;
  for (let line = 0; line < number; line += 1) end = bytes.indexOf('\n', end) + 1;
  return end;
}

describe('export', () => {
  test('writes the same to a file and to the standard output, and tells the digest', async () => {
    const { code, out } = await here('export');
    expect(code).toBe(0);
    expect(out === (await readFile(file, 'utf8'))).toBe(true);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(EVENTS + 2);
    expect(JSON.parse(lines[7]!)).toMatchObject({
      position: 7,
      subject: `ledger.${log.ledger}.account.alice.withdrawn`,
      headers: { 'ce-type': 'ledger.MoneyWithdrawn.v1', 'ce-version': '3' },
      batch: { sequence: 1, last: false },
      data: { transfer: 't1', amount: '300' },
    });
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({
      end: { events: EVENTS, digest: digest.split(':')[1] },
    });
  });

  test('does not write over a file, and leaves none behind for a ledger that is not there', async () => {
    expect(await here('export', file)).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/--resume goes on/),
    });
    const none = join(folder, 'none.ndjson');
    expect((await copy('export', none)).code).toBe(2);
    await expect(readFile(none)).rejects.toThrow('ENOENT');
  });

  test.each([
    ['in the middle of a line', async () => (await endOfLine(1_000)) + 77],
    ['at the end of a line', () => endOfLine(1_000)],
    ['in the first line', () => Promise.resolve(20)],
    ['at its very beginning', () => Promise.resolve(0)],
    ['in its last line', async () => (await endOfLine(EVENTS + 1)) + 5],
    ['nowhere', () => endOfLine(EVENTS + 2)],
  ])('goes on in a file that was cut %s', async (_, place) => {
    const cut = await exportCutAt(await place());
    expect((await here('export', cut, '--resume')).code).toBe(0);
    expect((await readFile(cut)).equals(await readFile(file))).toBe(true);
  });

  test('does not go on in a file that was changed, or is of another log', async () => {
    const cut = await exportCutAt(await endOfLine(100));
    const text = await readFile(cut, 'utf8');
    await writeFile(cut, text.replace('"amount":"300"', '"amount":"301"'));
    expect(await here('export', cut, '--resume')).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^Line 8 /),
    });
    const other = await openSomeLedger();
    const foreign = commandLine({ ledger: other.ledger, natsUrl: inject('servers').natsUrl });
    expect(await foreign('export', file, '--resume')).toMatchObject({
      code: 2,
      errors: expect.stringContaining(`is of the ledger "${log.ledger}"`),
    });
    await other.close();
  });
});

describe('import', () => {
  beforeEach(emptyCopy);

  test('makes an equal ledger, which verifies with the same digest', async () => {
    const { code, out } = await copy('import', file);
    expect(code).toBe(0);
    expect(out).toContain(`Imported 2,716 events into the ledger "${log.ledger}", and verified it.`);
    expect(out).toContain(`The digests are equal: ${digest}`);
    expect((await copy('verify', '--against', digest)).code).toBe(0);
    expect(await copy('state', 'bob')).toEqual(await here('state', 'bob'));
    // And once more: everything is there.
    expect(await copy('import', file)).toMatchObject({
      code: 0,
      out: expect.stringContaining('were there already'),
    });
  });

  test('copies a ledger in which transfers and holds wait, and which goes on from there', async () => {
    const waiting = await openWaitingLedger();
    const from = commandLine({ ledger: waiting.ledger, natsUrl: inject('servers').natsUrl });
    const into = commandLine({ ledger: waiting.ledger, natsUrl: second.url });
    const exported = join(folder, 'waiting.ndjson');
    expect((await from('export', exported)).code).toBe(0);
    expect((await into('import', exported)).out).toContain('Imported 51 events');
    expect(await into('history', 'hold', 'h2')).toEqual(await from('history', 'hold', 'h2'));
    const continued = await waiting.join({ url: second.url });
    expect(await continued.submit(decision('t2', 'approve'))).toMatchObject({
      transfer: { status: 'posted' },
    });
    expect((await into('verify')).code).toBe(0);
    await waiting.close();
  });

  test('goes on where it was interrupted', async () => {
    await openLog(nc, { ledger: log.ledger, replicas: 1 });
    const importer = createImporter({ nc, reader: there, after: 0 });
    for await (const messages of log.reader.messages({ to: 13 })) {
      for (const message of messages) await importer.add(message);
    }
    await importer.end();
    expect(await there.lastPosition()).toBe(13);
    const { code, out } = await copy('import', file);
    expect([code, out]).toEqual([0, expect.stringContaining('(13 were there already)')]);
    expect(out).toContain(digest);
  });

  test('refuses a file that was changed or cut off, and has then written nothing', async () => {
    const text = await readFile(file, 'utf8');
    const lines = text.split('\n');
    const broken: [string, RegExp][] = [
      [text.replace('"amount":"300"', '"amount":"301"'), /^Line 8 of the export does not fit its checksum/],
      [lines.toSpliced(5, 1).join('\n'), /^Line 6 of the export does not fit/],
      [lines.with(5, lines[6]!).with(6, lines[5]!).join('\n'), /^Line 6 of the export does not fit/],
      [lines.slice(0, 500).join('\n'), /has no last line: 499 events/],
      ['{"hello":1}\n', /^Line 1 of the export is not the first one/],
      ['', /has no last line/],
    ];
    const changed = join(folder, 'changed.ndjson');
    for (const [content, why] of broken) {
      await writeFile(changed, content);
      expect(await copy('import', changed)).toMatchObject({ code: 1, errors: expect.stringMatching(why) });
    }
    expect(await copy('import', join(folder, 'nowhere'))).toMatchObject({ code: 2 });
    await expect(there.lastPosition()).rejects.toThrow('stream not found');
  });

  test('refuses a ledger of another name, and one that has other events', async () => {
    const renamed = commandLine({ ledger: 'renamed', natsUrl: second.url });
    expect(await renamed('import', file)).toMatchObject({
      code: 2,
      errors: expect.stringContaining(`LEDGER=${log.ledger}`),
    });
    const busy = await openSomeLedger();
    await busy.submit(createAccount('carol'));
    const own = commandLine({ ledger: busy.ledger, natsUrl: inject('servers').natsUrl });
    const before = join(folder, 'before.ndjson');
    await own('export', before);
    await busy.submit(createAccount('dave'));
    expect(await own('import', before)).toMatchObject({
      code: 2,
      errors: expect.stringContaining('not empty'),
    });
    expect(await busy.reader.lastPosition()).toBe(18);
    await busy.close();
  });

  test('nobody can write in between', async () => {
    await openLog(nc, { ledger: log.ledger, replicas: 1 });
    const importer = createImporter({ nc, reader: there, after: 5 });
    for await (const messages of log.reader.messages({ to: 3 })) {
      for (const message of messages) await importer.add(message);
    }
    await expect(importer.end()).rejects.toThrow(
      /Somebody else writes to this ledger: it is at position 0, not 5/,
    );
    expect(await there.lastPosition()).toBe(0);
  });
});

describe('as a process', () => {
  beforeEach(emptyCopy);

  test('export pipes into import, and verify tells by its exit code', async () => {
    const from = ledgerProcess(['export'], { NATS_URL: inject('servers').natsUrl, LEDGER: log.ledger });
    const into = ledgerProcess(['import', '-'], { NATS_URL: second.url, LEDGER: log.ledger });
    from.stdout.pipe(into.stdin);
    into.stdout.resume();
    const [[exported], [imported]] = await Promise.all([once(from, 'exit'), once(into, 'exit')]);
    expect([exported, imported]).toEqual([0, 0]);
    const verify = ledgerProcess(['verify', '--json', '--against', digest], {
      NATS_URL: second.url,
      LEDGER: log.ledger,
    });
    const [out] = (await once(verify.stdout, 'data')) as [Buffer];
    expect(JSON.parse(out.toString())).toMatchObject({ ok: true, position: EVENTS, anchor: digest });
    expect(await once(verify, 'exit')).toEqual([0, null]);
  });

  test('what comes through a pipe under another name creates nothing', async () => {
    const into = ledgerProcess(['import', '-'], { NATS_URL: second.url, LEDGER: 'renamed' });
    // Its beginning is enough: the process may end before it has read all of that.
    into.stdin.on('error', () => {});
    into.stdin.write((await readFile(file)).subarray(0, 4_000));
    into.stdout.resume();
    expect(await once(into, 'exit')).toEqual([2, null]);
    await expect(createEventReader(nc, 'renamed').lastPosition()).rejects.toThrow('stream not found');
  });
});
