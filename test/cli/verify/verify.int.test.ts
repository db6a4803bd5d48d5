/** Real tampering: an export's messages, stored on a second server with one altered, left out or moved. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { appendSubject, parseEventSubject, streamName, streamSubjects } from '../../../contracts/subjects.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { startNats, type Server } from '../../../dev/servers/servers.ts';
import { publishAtomically } from '../../../eventlog/append/batch.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { openLog } from '../../../eventlog/nats/stream.ts';
import { batchOf, hashOf, type StoredMessage } from '../../../eventlog/wire/codec.ts';
import { headerLine, toHeaders } from '../../../eventlog/wire/headers.ts';
import type { TestLedger } from '../../support/ledgers/test-ledger.ts';
import { commandLine } from '../command-line.ts';
import { openSomeLedger } from '../some-ledger.ts';

let folder: string;
let second: Server;
let copyTo: NatsConnection;
let log: TestLedger;
let original: StoredMessage[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallybook-cli-'));
  second = await startNats({ port: await freePort(), dataDir: folder, password: 'test' });
  copyTo = await connectToNats(second.url, 'test');
  log = await openSomeLedger();
  original = [];
  for await (const messages of log.reader.messages()) original.push(...messages);
});
afterAll(async () => {
  await copyTo.close();
  await log.close();
  await second.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Stores a copy as a forger would have to: in batches that the server takes. */
async function storeCopy(messages: readonly StoredMessage[]): Promise<void> {
  await (await jetstreamManager(copyTo)).streams.delete(streamName(log.ledger)).catch(() => false);
  await openLog(copyTo, { ledger: log.ledger, replicas: 1 });
  const batches = new Map<string, StoredMessage[]>();
  for (const message of messages) {
    const id = batchOf(message.headers)?.id ?? `${message.seq}`;
    batches.set(id, [...(batches.get(id) ?? []), message]);
  }
  for (const batch of batches.values()) {
    const result = await publishAtomically(copyTo, batch.map(toPublish), {
      batchId: randomUUID(),
      timeoutMs: 5_000,
    });
    expect(result.type).toBe('stored');
  }
}

function toPublish({ subject, headers, data }: StoredMessage) {
  const { ledger, event, ...ref } = parseEventSubject(subject);
  const lines = [...headers].filter(([name]) => !name.startsWith('Nats-'));
  const text = lines.map(([name, value]) => headerLine(name, value)).join('');
  return { subject: appendSubject(ledger, ref, event), headers: text, payload: data };
}

const verifyCopy = (...args: string[]) =>
  commandLine({ ledger: log.ledger, natsUrl: second.url })('verify', ...args);
const verify = (...args: string[]) =>
  commandLine({ ledger: log.ledger, natsUrl: inject('servers').natsUrl })('verify', ...args);

type Report = {
  ok: boolean;
  anchor: string;
  finding: { position: number; code: string; event: string } | null;
};
const reportOf = (text: string) => JSON.parse(text) as Report;

/** The message at a position, altered. */
function altered(
  position: number,
  change: (message: StoredMessage) => Partial<StoredMessage>,
): StoredMessage[] {
  return original.map((message) => (message.seq === position ? { ...message, ...change(message) } : message));
}

function withAmount(amount: string) {
  return ({ data }: StoredMessage) => ({
    data: Buffer.from(
      Buffer.from(data)
        .toString()
        .replace(/"amount":"\d+"/, `"amount":"${amount}"`),
    ),
  });
}

describe('verify', () => {
  test('says of a ledger that it is whole, and what was not checked', async () => {
    const { code, out } = await verify();
    expect(code).toBe(0);
    expect(out).toContain(`The ledger "${log.ledger}" is whole: 16 events, positions 1 to 16, none missing.`);
    expect(out).toMatch(/transfers +4 posted, 1 rejected/);
    expect(out).toMatch(/read model +NOT CHECKED: Postgres at 127.0.0.1:1 does not answer/);
  });

  test('says the same of a true copy, with the same digest', async () => {
    await storeCopy(original);
    const [here, there] = await Promise.all([verify('--json'), verifyCopy('--json')]);
    expect(there.code).toBe(0);
    expect(reportOf(there.out)).toMatchObject({ ok: true, position: 16, finding: null });
    expect(reportOf(there.out).anchor).toBe(reportOf(here.out).anchor);
  });

  test('finds an altered message, and names it', async () => {
    await storeCopy(altered(7, withAmount('1')));
    const { code, out } = await verifyCopy();
    expect(code).toBe(1);
    expect(out).toContain(`The ledger "${log.ledger}" is broken.`);
    expect(out).toMatch(/position +7\n/);
    expect(out).toContain(`ledger.${log.ledger}.account.alice.withdrawn`);
    expect(out).toContain('ledger.MoneyWithdrawn.v1');
    expect(out).toContain('altered');
    expect(out).toContain('Everything before it was right: 6 events');
  });

  test('finds an altered message whose own hash was made anew', async () => {
    const forged = altered(7, (message) => {
      const changed = { ...message, ...withAmount('1')(message) };
      return { ...changed, headers: new Map([...changed.headers, ['ce-hash', hashOf(changed)]]) };
    });
    await storeCopy(forged);
    const { code, out } = await verifyCopy('--json');
    expect([code, reportOf(out).finding]).toMatchObject([1, { position: 7, code: 'balance' }]);
  });

  test.each([
    ['the first one', 1, { position: 1 }],
    ['a movement', 7, { position: 7 }],
    ['the end of a transfer', 9, { position: 7, code: 'transfer' }],
    ['an account', 3, { position: 3, code: 'guard' }],
  ])('finds that a message was left out: %s', async (_, left, finding) => {
    await storeCopy(original.filter(({ seq }) => seq !== left));
    const { code, out } = await verifyCopy('--json');
    expect([code, reportOf(out).finding]).toMatchObject([1, finding]);
  });

  test.each([
    ['two sides of a transfer', [8, 7, 9, 10, 11, 12, 13], { position: 7, code: 'order' }],
    ['a movement and its transfer', [7, 9, 8, 10, 11, 12, 13], { position: 8, code: 'order' }],
    ['two whole transfers', [11, 12, 13, 10, 7, 8, 9], { position: 7, code: 'version' }],
  ])('finds that messages were swapped: %s', async (_, order, finding) => {
    const swapped = order.map((position) => original[position - 1]!);
    await storeCopy([...original.slice(0, 6), ...swapped, ...original.slice(13)]);
    const { code, out } = await verifyCopy('--json');
    expect([code, reportOf(out).finding]).toMatchObject([1, finding]);
  });

  test('finds with an anchor what the log alone cannot tell: its end was cut off', async () => {
    const { anchor } = reportOf((await verify('--json')).out);
    await storeCopy(original.slice(0, 13));
    expect((await verifyCopy()).code).toBe(0);
    const { code, out } = await verifyCopy('--json', '--against', anchor);
    expect([code, reportOf(out).finding]).toMatchObject([1, { position: 13, code: 'anchor' }]);
    expect((await verify('--against', anchor)).code).toBe(0);
  });

  test('finds that a message was deleted from the stream itself', async () => {
    const manager = await jetstreamManager(copyTo);
    await manager.streams.delete(streamName(log.ledger)).catch(() => false);
    const { listens, transform } = streamSubjects(log.ledger);
    await manager.streams.add({
      name: streamName(log.ledger),
      subjects: listens,
      subject_transform: transform,
      allow_direct: true,
    });
    for (const message of original) {
      const { subject, headers, payload } = toPublish(message);
      await copyTo.request(subject, payload, { headers: toHeaders(headers), timeout: 2_000 });
    }
    await manager.streams.deleteMessage(streamName(log.ledger), 3);
    const { code, out } = await verifyCopy('--json');
    expect([code, reportOf(out).finding]).toMatchObject([1, { position: 4, code: 'sequence' }]);
  });

  test('does not run without a server, without a ledger, or with a wrong anchor', async () => {
    const { natsUrl } = inject('servers');
    const nowhere = commandLine({ ledger: 'main', natsUrl: `nats://127.0.0.1:${await freePort()}` });
    const unknown = commandLine({ ledger: 'nobodys', natsUrl });
    const [off, none, wrong] = await Promise.all([
      nowhere('verify'),
      unknown('verify'),
      verify('--against', '7'),
    ]);
    expect([off.code, none.code, wrong.code]).toEqual([2, 2, 2]);
    expect(off.errors).toMatch(/^NATS at nats:\S+ does not answer/);
    expect(none.errors).toMatch(/^There is no ledger "nobodys"/);
    expect(wrong.errors).toMatch(/^"7" is not <position>:<digest>/);
    expect([off, none, wrong].map(({ errors: told }) => told.split('\n').length)).toEqual([1, 1, 1]);
  });
});
