import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startFaultProxy } from '../../../chaos/infra/fault-proxy.ts';
import { writerLease, writerSubject } from '../../../contracts/subjects.ts';
import type { Outcome } from '../../../eventlog/append/outcome.ts';
import { LogUnavailable, Overloaded } from '../../../eventlog/errors.ts';
import {
  changeAccount,
  createAccount,
  moveMoney,
  openTestLedger,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';
import { watchWriters, joinAsWriter, type Writer } from '../../support/ledgers/writers.ts';

const pay = (id: string, amount = 1) =>
  moveMoney(id, { source: 'world_EUR', destination: 'bob', amount: String(amount) });

/** A ledger with an account, and who is heard to write. */
async function openLedger() {
  const log = await openTestLedger();
  await log.submit(createAccount('bob'));
  const heard = watchWriters(log);
  await log.nc.flush();
  return { log, heard };
}

/** Hears which writers packs are sent to. Who listens there counts as an answerer, so a writer's end goes unnoticed. */
async function recordBatches({ nc, ledger }: TestLedger): Promise<string[]> {
  const packs: string[] = [];
  nc.subscribe(writerSubject(ledger, '*'), {
    callback: (_, message) => {
      // An empty one only asks whether somebody is there.
      if (message.string() !== '[]') packs.push(message.subject.split('.').at(-1) ?? '');
    },
  });
  await nc.flush();
  return packs;
}

async function eventsOf(log: TestLedger, id: string) {
  return (await log.allEvents()).filter((event) => event.aggregateId === id);
}

async function proxied() {
  const proxy = await startFaultProxy(inject('servers').natsUrl);
  const url = new URL(inject('servers').natsUrl);
  url.port = String(proxy.port);
  return { proxy, url: url.href };
}

describe('a worker that is not the active writer', () => {
  let ledger: Awaited<ReturnType<typeof openLedger>>;
  let active: Writer;
  let other: Writer;
  beforeAll(async () => {
    ledger = await openLedger();
    active = await joinAsWriter(ledger.log.ledger, 'active');
    other = await joinAsWriter(ledger.log.ledger, 'other');
  });
  afterAll(async () => {
    await other.close();
    await active.close();
    await ledger.log.close();
  });

  test('has the active one decide, and gets the very outcome that the active one has', async () => {
    const packs = await recordBatches(ledger.log);
    const commands = [
      createAccount('alice', { idempotency_key: 'a'.repeat(64) }),
      pay('posted', 10),
      moveMoney('rejected', { source: 'alice', destination: 'bob', amount: '999' }),
      changeAccount('alice', { type: 'account.freeze' }, { idempotency_key: 'b'.repeat(64) }),
    ];
    const outcomes: Outcome[] = [];
    for (const command of commands) outcomes.push(await other.submit(command));
    expect(outcomes).toMatchObject([
      { type: 'account', created: true, replayed: false },
      { type: 'transfer', transfer: { status: 'posted' }, replayed: false },
      { type: 'transfer', transfer: { status: 'rejected' }, replayed: false },
      { type: 'account', state: { status: 'frozen', version: 2 }, replayed: false },
    ]);
    expect(packs).toEqual(commands.map(() => 'active'));
    for (const [index, command] of commands.entries()) {
      expect(await active.submit(command)).toMatchObject({ ...outcomes[index], replayed: true });
      expect(await other.submit(command)).toMatchObject({ ...outcomes[index], replayed: true });
    }
    expect(ledger.heard).toEqual(['active']);
  });

  test('gets refusals that leave no event: an unknown account, a key used for another request', async () => {
    const ghost = moveMoney('ghost', { source: 'nobody', destination: 'bob', amount: '1' });
    expect(await other.submit(ghost)).toMatchObject({ rejection: { code: 'account_not_found' } });
    await active.submit(pay('reused'));
    const reused = { ...pay('reused', 2), fingerprint: 'another' };
    expect(await other.submit(reused)).toMatchObject({ rejection: { code: 'idempotency_key_reused' } });
  });

  test('and the active one, given the same command at once, store it once and answer the same', async () => {
    const [one, two] = await Promise.all([active.submit(pay('both')), other.submit(pay('both'))]);
    const events = await eventsOf(ledger.log, 'both');
    expect(events).toHaveLength(1);
    for (const outcome of [one, two]) {
      expect(outcome).toMatchObject({ type: 'transfer', position: events[0]?.position });
    }
  });

  test('refuses at once what passes its own queue, and keeps the rest', async () => {
    const small = await joinAsWriter(ledger.log.ledger, 'small', { queueMax: 3 });
    const results = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => small.submit(pay(`small${n}`))));
    expect(results.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, false, false]);
    expect((results[4] as PromiseRejectedResult).reason).toBeInstanceOf(Overloaded);
    expect(await eventsOf(ledger.log, 'small5')).toEqual([]);
    expect(small.depth()).toBe(0);
    await small.close();
  });
});

test('a command that passes the queue of the active writer is refused as overloaded wherever it came from', async () => {
  const { log } = await openLedger();
  const active = await joinAsWriter(log.ledger, 'active', { queueMax: 3 });
  const other = await joinAsWriter(log.ledger, 'other');
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => other.submit(pay(`p${n}`))));
  expect(results.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, false, false]);
  expect((results[3] as PromiseRejectedResult).reason).toBeInstanceOf(Overloaded);
  await Promise.all([active, other].map((writer) => writer.close()));
  await log.close();
});

describe.concurrent('the active writer', () => {
  test('that closes finishes what it has and hands over at once, without its time running out', async () => {
    const { log, heard } = await openLedger();
    const first = await joinAsWriter(log.ledger, 'first');
    const second = await joinAsWriter(log.ledger, 'second');
    const answers = [first, second].flatMap((writer) =>
      Array.from({ length: 50 }, (_, n) => writer.submit(pay(`${writer.id}${n}`))),
    );
    await Promise.all([first.close(), ...answers]);
    await second.submit(pay('after'));
    expect(heard).toEqual(['first', 'released', 'second']);
    const paid = (await log.allEvents()).filter(({ name }) => name === 'TransferCompleted');
    expect(new Set(paid.map(({ aggregateId }) => aggregateId)).size).toBe(101);
    expect(paid).toHaveLength(101);
    await second.close();
    await log.close();
  });

  test('whose connection is gone is replaced by the next worker that has a command', async () => {
    const { log, heard } = await openLedger();
    const first = await joinAsWriter(log.ledger, 'first');
    const second = await joinAsWriter(log.ledger, 'second');
    await second.submit(pay('before'));
    await first.vanish();
    expect(await second.submit(pay('after'))).toMatchObject({ type: 'transfer', replayed: false });
    expect(heard).toEqual(['first', 'second']);
    await second.close();
    await log.close();
  });

  test('that is cut off and comes back late has its batch refused, and forwards from then on', async () => {
    const { log, heard } = await openLedger();
    const packs = await recordBatches(log);
    const { proxy, url } = await proxied();
    const attempts = new Set<string>();
    log.nc.subscribe(`append.${log.ledger}.>`, {
      callback: (_, message) => void attempts.add(message.headers?.get('Nats-Batch-Id') ?? ''),
    });
    const late = await joinAsWriter(log.ledger, 'late', { url });
    const next = await joinAsWriter(log.ledger, 'next');
    await late.submit(pay('before'));
    await next.submit(pay('before2'));
    proxy.hold();
    // Its batch is sent now, and arrives when the other one has written to the same accounts.
    const held = ['held1', 'held2'].map((id) => late.submit(pay(id)));
    const meanwhile = await next.submit(pay('held1'));
    expect(await next.submit(pay('meanwhile'))).toMatchObject({ replayed: false });
    proxy.resume();
    const outcomes = await Promise.all(held);
    expect(outcomes[0]).toMatchObject({
      position: meanwhile.type === 'transfer' && meanwhile.position,
    });
    const sent = packs.length;
    await late.submit(pay('afterwards'));
    expect(packs.slice(sent)).toEqual(['next']);
    expect(heard).toEqual(['late', 'next']);
    const events = await log.allEvents();
    const stored = new Set(events.map(({ batch }) => batch?.id));
    expect([...attempts].filter((batch) => !stored.has(batch))).toHaveLength(1);
    for (const id of ['held1', 'held2', 'meanwhile', 'afterwards']) {
      expect(events.filter((event) => event.aggregateId === id)).toHaveLength(1);
    }
    await Promise.all([late.close(), next.close()]);
    await proxy.close();
    await log.close();
  });

  test('that takes an answer with it: the sender finds its command in the log, once and as its own', async ({
    expect: expectThat,
  }) => {
    const { log } = await openLedger();
    const { proxy, url } = await proxied();
    const active = await joinAsWriter(log.ledger, 'active');
    const other = await joinAsWriter(log.ledger, 'other', { url });
    await other.submit(pay('before'));
    proxy.dropReplies();
    const pending = other.submit(pay('lost'));
    await expectThat.poll(() => eventsOf(log, 'lost'), { timeout: 5_000 }).toHaveLength(1);
    await active.close();
    proxy.cut();
    const outcome = await pending;
    const stored = await eventsOf(log, 'lost');
    expect(stored).toHaveLength(1);
    expect(outcome).toMatchObject({ position: stored[0]?.position, replayed: false });
    await other.close();
    await proxy.close();
    await log.close();
  });

  test('without NATS no command waits for ever: each fails as unavailable', async () => {
    const { log } = await openLedger();
    const { proxy, url } = await proxied();
    const active = await joinAsWriter(log.ledger, 'active', { url });
    const { proxy: second, url: secondUrl } = await proxied();
    const other = await joinAsWriter(log.ledger, 'other', { url: secondUrl });
    await Promise.all([proxy.close(), second.close()]);
    const results = await Promise.allSettled([active.submit(pay('a')), other.submit(pay('b'))]);
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(LogUnavailable) });
    }
    await Promise.all([active.vanish(), other.vanish()]);
    await log.close();
  });
});

describe.concurrent('the bucket of the lease', () => {
  test('is refused at start when it is not what a ledger needs, and is not changed', async () => {
    const { log } = await openLedger();
    const { bucket, stored } = writerLease(log.ledger);
    const manager = await jetstreamManager(log.nc);
    const subjects = [stored.replace('.active', '.>')];
    await manager.streams.add({ name: `KV_${bucket}`, subjects, max_msgs_per_subject: 5 });
    const joined = joinAsWriter(log.ledger, 'any');
    await expect(joined).rejects.toThrow(/max_msgs_per_subject is 5, not 1/);
    expect((await manager.streams.info(`KV_${bucket}`)).config.max_msgs_per_subject).toBe(5);
    await log.close();
  });

  test('may take nothing: then each worker decides for itself, and all is still right', async () => {
    const { log, heard } = await openLedger();
    const packs = await recordBatches(log);
    await (await joinAsWriter(log.ledger, 'first')).close();
    const manager = await jetstreamManager(log.nc);
    await manager.streams.update(`KV_${writerLease(log.ledger).bucket}`, { max_msg_size: 1 });
    const writers = await Promise.all(['one', 'two'].map((id) => joinAsWriter(log.ledger, id)));
    const requests = Array.from({ length: 100 }, (_, n) => pay(`alone${n}`));
    const outcomes = await Promise.all(requests.map((request, n) => writers[n % 2]!.submit(request)));
    const events = await log.allEvents();
    for (const [n, { id }] of requests.entries()) {
      const ends = events.filter((event) => event.aggregateId === id);
      expect(ends).toHaveLength(1);
      expect(outcomes[n]).toMatchObject({ position: ends[0]?.position });
    }
    expect({ heard, packs }).toEqual({ heard: ['first', 'released'], packs: [] });
    await Promise.all(writers.map((writer) => writer.close()));
    await log.close();
  });

  test('is made again when NATS has lost it with its memory', async ({ expect: expectThat }) => {
    const { log, heard } = await openLedger();
    const writers = await Promise.all(['one', 'two'].map((id) => joinAsWriter(log.ledger, id)));
    const manager = await jetstreamManager(log.nc);
    await manager.streams.delete(`KV_${writerLease(log.ledger).bucket}`);
    heard.length = 0;
    await expectThat.poll(() => heard, { timeout: 5_000 }).toHaveLength(1);
    for (const writer of writers) await writer.submit(pay(`${writer.id}-after`));
    const { config } = await manager.streams.info(`KV_${writerLease(log.ledger).bucket}`);
    expect(config.storage).toBe('memory');
    await Promise.all(writers.map((writer) => writer.close()));
    await log.close();
  });
});
