import { jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream';
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PUBLISHED_EVENTS } from '../../contracts/published-events.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { eventContract, type EventContract, type Received } from '../support/events/event-contract.ts';
import { endEveryEvent, lostRail, makeEveryEvent, type Later } from '../support/events/every-event.ts';
import { httpClient } from '../support/http/http.ts';

const STREAM = 'LEDGER_main';

let tallybook: Throwaway;
let nc: NatsConnection;
let contract: EventContract;
/** What a plain subscription got while it happened. */
const live: Received[] = [];
/** What the stream has afterwards, receipts apart. */
let stored: Received[];
let receipts: Received[];

beforeAll(async () => {
  tallybook = await startThrowaway(lostRail(await freePort()));
  nc = await connect({ servers: `nats://127.0.0.1:${tallybook.natsPort}` });
  contract = await eventContract(tallybook.url);
  nc.subscribe('ledger.main.>', {
    callback: (_, message) => {
      live.push(received(message, Number(message.headers?.get('Nats-Sequence'))));
    },
  });
  await nc.flush();
  const http = httpClient(tallybook.url);
  const later = await makeEveryEvent(http, tallybook.url);
  await vi.waitUntil(() => hasCome(later), { timeout: 60_000 });
  await endEveryEvent(http, later.parked);
  const all = await readStream();
  receipts = all.filter(({ subject }) => subject.startsWith('receipt.'));
  stored = all.filter(({ subject }) => !subject.startsWith('receipt.'));
  // What a plain subscription gets may come a moment after a consumer's. What is missing is for the test to say.
  await vi.waitUntil(() => live.length >= stored.length, { timeout: 10_000 }).catch(() => {});
  await nc.flush();
});
afterAll(async () => {
  await nc?.close();
  await tallybook.remove();
});

function received(message: Msg | JsMsg, position: number): Received {
  // A header that is there twice is none that any schema takes.
  const headers = [...(message.headers ?? [])].map(([name, values]) => [name, values.join(' and ')]);
  const { subject } = message;
  return {
    subject,
    position,
    headers: Object.fromEntries(headers) as Received['headers'],
    data: message.string(),
  };
}

function hasCome({ ends, parked }: Later): boolean {
  const ended = (id: string) =>
    live.some(({ subject }) => subject.includes(id) && /(completed|expired|failed)$/.test(subject));
  return ends.every(ended) && live.some(({ subject }) => subject.endsWith(`${parked}.parked`));
}

/** All of it, by a consumer as anybody would make it. */
async function readStream(): Promise<Received[]> {
  const consumer = await jetstream(nc).consumers.get(STREAM);
  const { num_pending: count } = await consumer.info();
  const all: Received[] = [];
  for await (const message of await consumer.consume()) {
    all.push(received(message, message.seq));
    if (all.length === count) break;
  }
  return all;
}

/** What is wrong with a message, and where. */
const faultsOf = (message: Received, how: 'stored' | 'live') =>
  contract.check(message, how).faults.map((fault) => `${message.position} ${message.subject}: ${fault}`);

describe('after a run in which everything happened', () => {
  test('every published event has come, and each is what the contract says', () => {
    const names = stored.map((message) => contract.check(message, 'stored').name);
    expect(new Set(names)).toEqual(new Set(PUBLISHED_EVENTS));
    expect(stored.flatMap((message) => faultsOf(message, 'stored'))).toEqual([]);
    expect(live.flatMap((message) => faultsOf(message, 'live'))).toEqual([]);
  });

  test('a plain subscription got what the stream has: no more, no less, in order, receipts apart', () => {
    const added = /^Nats-(Stream|Subject|Sequence|Time-Stamp|Last-Sequence)$/;
    const asStored = live.map(({ headers, ...message }) => ({
      ...message,
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !added.test(name))),
    }));
    expect(asStored).toEqual(stored);
    expect(receipts.length).toBeGreaterThan(0);
    for (const { headers } of receipts) expect(headers['ce-type']).toBe('ledger.CommandRecorded.v1');
    const positions = [...stored, ...receipts].map(({ position }) => position).toSorted((a, b) => a - b);
    expect(positions).toEqual(positions.map((_, index) => index + 1));
  });

  test('the versions of each aggregate have no gap, its hashes chain, and no id is there twice', () => {
    const ends = new Map<string, { version: number; hash: string | undefined }>();
    for (const { subject, headers } of live) {
      const aggregate = subject.split('.').slice(0, 4).join('.');
      const { version, hash } = ends.get(aggregate) ?? { version: 0, hash: '0'.repeat(64) };
      expect([aggregate, headers['ce-version'], headers['ce-prevhash']]).toEqual([
        aggregate,
        `${version + 1}`,
        hash,
      ]);
      ends.set(aggregate, { version: version + 1, hash: headers['ce-hash'] });
    }
    expect(ends.size).toBeGreaterThan(20);
    expect(new Set(live.map(({ headers }) => headers['ce-id'])).size).toBe(live.length);
  });

  test('the stream and the consumers are as AsyncAPI says: each finds all events of its kind', async () => {
    const manager = await jetstreamManager(nc);
    const { config } = await manager.streams.info(contract.document['x-jetstream'].stream);
    expect(config).toMatchObject({
      max_age: 0,
      max_msgs: -1,
      max_bytes: -1,
      deny_delete: true,
      deny_purge: true,
    });
    const found: Record<string, number> = {};
    const counted: Record<string, number> = {};
    for (const name of PUBLISHED_EVENTS) {
      const consumer = contract.document.operations[`receive${name}`]?.['x-jetstream-consumer'];
      const durable_name = `all-${name}`;
      const info = await manager.consumers.add(consumer?.stream_name ?? '', {
        ...consumer?.config,
        durable_name,
      });
      found[name] = info.num_pending;
      counted[name] = stored.filter((message) => contract.check(message, 'stored').name === name).length;
    }
    expect(found).toEqual(counted);
  });
});

/** The message with other headers. */
function change(headers: Record<string, string>) {
  return (message: Received): Received => ({ ...message, headers: { ...message.headers, ...headers } });
}

/** The message without a header. */
function without(name: string) {
  return ({ headers, ...message }: Received): Received => {
    return {
      ...message,
      headers: Object.fromEntries(Object.entries(headers).filter(([one]) => one !== name)),
    };
  };
}

/** The message with other fields in its data. */
function alter(fields: object) {
  return (message: Received): Received => {
    return { ...message, data: JSON.stringify({ ...(JSON.parse(message.data) as object), ...fields }) };
  };
}

describe('the check would find', () => {
  test.each<[string, (message: Received) => Received, RegExp]>([
    [
      'a subject of no channel',
      (message) => ({ ...message, subject: `${message.subject}.more` }),
      /0 channels/,
    ],
    [
      'an event under the subject of another',
      (message) => ({ ...message, subject: message.subject.replace('deposited', 'withdrawn') }),
      /ce-type/,
    ],
    ['an id that is not the subject’s', change({ 'ce-subject': 'somebody' }), /ce-subject/],
    ['another ledger', change({ 'ce-source': '/ledgers/other' }), /ce-source/],
    ['another version of CloudEvents', change({ 'ce-specversion': '0.3' }), /ce-specversion/],
    ['a time that is none', change({ 'ce-time': 'today' }), /ce-time/],
    ['a header that nobody described', change({ 'ce-new': '1' }), /ce-new is in no schema/],
    ['a header that is missing', without('ce-actor'), /ce-actor/],
    ['another position', change({ 'Nats-Sequence': '1' }), /Nats-Sequence/],
    ['an amount that is a number', alter({ amount: 5 }), /data\/amount/],
    ['a field that nobody described', alter({ surprise: true }), /nothing undocumented/],
    ['data that were altered', alter({ amount: '1' }), /ce-hash/],
  ])('%s', (_, tamper, fault) => {
    const deposited = live.find(({ subject }) => subject.endsWith('alice.deposited'));
    expect(faultsOf(tamper(deposited!), 'live').join('\n')).toMatch(fault);
  });
});
