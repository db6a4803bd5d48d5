import { once } from 'node:events';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { hashOf } from '../../eventlog/wire/codec.ts';
import { readHeaders } from '../../eventlog/wire/headers.ts';
import type { TestLedger } from '../support/ledgers/test-ledger.ts';
import { commandLine, ledgerProcess, type Ran } from './command-line.ts';
import { openSomeLedger } from './some-ledger.ts';

let log: TestLedger;
let ledger: (...args: string[]) => Promise<Ran>;
let reader: NatsConnection;
beforeAll(async () => {
  const { natsUrl } = inject('servers');
  log = await openSomeLedger();
  ledger = commandLine({ ledger: log.ledger, natsUrl });
  // Without a name and a password, as any subscriber.
  reader = await connect({ servers: new URL(natsUrl).host });
});
afterAll(async () => {
  await reader.close();
  await log.close();
});

const stateOf = async (...args: string[]) =>
  JSON.parse((await ledger('state', ...args, '--json')).out) as object;

/** What a reader hears while a command runs. */
async function received(args: string[], count: number) {
  const subscription = reader.subscribe('replay.>', { max: count });
  await reader.flush();
  const { code, out } = await ledger('replay', ...args);
  const messages = [];
  for await (const message of subscription) messages.push({ message, headers: readHeaders(message) });
  return { code, out, messages };
}

/** A process that can reach no server. */
async function runProcess(...args: string[]) {
  const child = ledgerProcess(args, { NATS_URL: 'nats://127.0.0.1:1' });
  child.stdout.resume();
  const [[status], chunks] = await Promise.all([once(child, 'exit'), child.stderr.toArray()]);
  return { status: status as number, stderr: Buffer.concat(chunks as Buffer[]).toString() };
}

describe('state', () => {
  test('is the account after its last event by then', async () => {
    expect(await stateOf('alice', '--at', '10')).toMatchObject({
      account: 'alice',
      status: 'open',
      balances: { posted: '700', held: '0', available: '700' },
      version: 3,
      position: 7,
    });
    const { time } = (await stateOf('alice', '--at', '10')) as { time: string };
    expect(await stateOf('alice', '--at', time)).toMatchObject({ version: 3 });
    expect(await stateOf('alice')).toMatchObject({ balances: { posted: '799' }, version: 5, position: 14 });
    expect((await ledger('state', 'alice')).out).toMatch(/^posted +799 EUR$/m);
  });

  test('of a world account is zero before its first event', async () => {
    expect(await stateOf('world_EUR', '--at', '3')).toMatchObject({
      balances: { posted: '0' },
      version: 0,
      position: null,
    });
    expect(await stateOf('world_EUR')).toMatchObject({ balances: { posted: '-1000' }, version: 1 });
  });

  test('of an account that is not there, or not yet, is none', async () => {
    expect(await ledger('state', 'eve')).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/^There is no account "eve"/),
    });
    expect(await ledger('state', 'bob', '--at', '2')).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/^There was no account "bob" by then: it was created at position 3/),
    });
    expect(await ledger('state', 'bob', '--at', '999')).toMatchObject({ code: 2 });
    expect(await ledger('state', 'bob', '--at', 'yesterday')).toMatchObject({ code: 2 });
  });
});

describe('replay', () => {
  test('sends events as they were, with their positions, to readers', async () => {
    const { code, out, messages } = await received(['--subject', 'replay.billing'], 15);
    expect([code, out]).toEqual([0, 'Sent 15 events to replay.billing.\n']);
    // Position 2 is a receipt, which is nobody else's.
    expect(messages.map(({ headers }) => Number(headers.get('Nats-Sequence')))).toEqual([
      1,
      ...Array.from({ length: 14 }, (_, index) => index + 3),
    ]);
    for (const { message, headers } of messages) {
      const stored = { subject: headers.get('Nats-Subject') ?? '', data: message.data, headers };
      expect(hashOf(stored)).toBe(headers.get('ce-hash'));
    }
  });

  test('sends what is between two places, of one type and account', async () => {
    const only = ['--from', '8', '--to', '11', '--account', 'bob'];
    const { messages } = await received(['--subject', 'replay.x', ...only], 2);
    expect(messages.map(({ headers }) => headers.get('Nats-Sequence'))).toEqual(['8', '11']);
    const completed = await received(
      ['--subject', 'replay.x', '--type', 'TransferCompleted', '--to', '9'],
      2,
    );
    expect(completed.messages.map(({ headers }) => headers.get('Nats-Sequence'))).toEqual(['6', '9']);
    const seventh = (await log.allEvents())[6]!;
    const timed = await received(['--subject', 'replay.x', '--from', seventh.time, '--to', seventh.time], 1);
    expect(timed.messages.map(({ headers }) => Number(headers.get('Nats-Sequence')))).toContain(7);
  });

  test.each([
    'ledger.main.x',
    'append.main.x',
    'receipt.x',
    'writer.x',
    'position.x',
    '$JS.API.INFO',
    '_INBOX.x',
    'a..b',
    'a.*',
  ])('refuses to publish on %s', async (subject) => {
    expect((await ledger('replay', '--subject', subject)).code).toBe(2);
  });

  test('nobody but the ledger can publish there', async () => {
    const subscription = reader.subscribe('replay.>');
    const denied: string[] = [];
    void (async () => {
      for await (const status of reader.status())
        if (status.type === 'error') denied.push(String(status.error));
    })();
    reader.publish('replay.billing', 'never happened');
    await reader.flush();
    await expect.poll(() => denied.length).toBe(1);
    expect(subscription.getProcessed()).toBe(0);
    subscription.unsubscribe();
  });
});

describe('the command line', () => {
  test('explains itself', async () => {
    const { code, out } = await ledger('--help');
    expect(code).toBe(0);
    for (const name of ['verify', 'history', 'state', 'export', 'import', 'replay']) {
      expect(out).toContain(`  ${name} `);
      const help = await ledger(name, '--help');
      expect([help.code, help.out]).toEqual([
        0,
        expect.stringMatching(new RegExp(`^Usage: npm run ledger -- ${name}`)),
      ]);
    }
    expect((await ledger()).code).toBe(2);
    expect(await ledger('verify', '--quick')).toMatchObject({
      code: 2,
      errors: expect.stringContaining("'--quick'"),
    });
    expect(await ledger('destroy')).toMatchObject({ code: 2, errors: expect.stringContaining('"destroy"') });
  });

  test('ends its process with the code, and one line', async () => {
    expect(await runProcess('import', 'package.json')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^Line 1 [^\n]+\n$/),
    });
    expect(await runProcess('state', 'a b')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^"a b" is no id[^\n]+\n$/),
    });
  });
});
