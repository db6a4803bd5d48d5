import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startFaultProxy } from '../../../chaos/infra/fault-proxy.ts';
import type { RecordedEvent } from '../../../contracts/events.ts';
import type { Outcome } from '../../../eventlog/append/outcome.ts';
import { Overloaded } from '../../../eventlog/errors.ts';
import {
  changeAccount,
  createAccount,
  moveMoney,
  openTestLedger,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';

let log: TestLedger;
beforeAll(async () => {
  log = await openTestLedger();
  await Promise.all(['alice', 'bob', 'carol'].map((id) => log.submit(createAccount(id))));
  await log.submit(moveMoney('funds', { source: 'world_EUR', destination: 'alice', amount: '1000' }));
});
afterAll(() => log.close());

const position = (outcome: Outcome) => (outcome.type === 'transfer' ? outcome.position : 0);
const reason = (outcome: Outcome) =>
  outcome.type === 'transfer' && outcome.transfer.status === 'rejected' ? outcome.transfer.reason : undefined;

async function transferEvents(id: string): Promise<RecordedEvent[]> {
  return (await log.allEvents()).filter((e) => e.aggregate === 'transfer' && e.aggregateId === id);
}

describe('one append', () => {
  test('a transfer is three messages that follow each other: withdrawn, deposited, completed', async () => {
    const outcome = await log.submit(moveMoney('t1', { source: 'alice', destination: 'bob', amount: '10' }));
    const events = await log.reader.read(position(outcome) - 3, 3);
    expect(events.map(({ subject }) => subject)).toEqual([
      `ledger.${log.ledger}.account.alice.withdrawn`,
      `ledger.${log.ledger}.account.bob.deposited`,
      `ledger.${log.ledger}.transfer.t1.completed`,
    ]);
    expect(events.map(({ position: p }) => p)).toEqual([-2, -1, 0].map((n) => position(outcome) + n));
    expect(events[0]?.data).toMatchObject({ amount: '10', balances: { posted: '990', available: '990' } });
    expect(events[2]?.data).toMatchObject({ from: 'alice', to: 'bob', amount: '10' });
  });

  test('a plain subscriber hears what was stored, with its position, and nothing of what was refused', async () => {
    const heard: [string, string][] = [];
    const subscription = log.nc.subscribe(`ledger.${log.ledger}.>`, {
      callback: (_, message) => {
        heard.push([message.subject, message.headers?.get('Nats-Sequence') ?? '']);
      },
    });
    await log.nc.flush();
    const refused = await log.submit(moveMoney('t2', { source: 'ghost', destination: 'bob', amount: '1' }));
    expect(refused.type).toBe('error');
    // A stale guard: the server refuses the whole batch after having received it.
    const behind = await log.join();
    await behind.submit(moveMoney('t3', { source: 'alice', destination: 'bob', amount: '1' }));
    await log.submit(moveMoney('t4', { source: 'alice', destination: 'bob', amount: '1' }));
    const last = await log.reader.lastPosition();
    await expect.poll(() => heard.at(-1)?.[1]).toBe(String(last));
    expect(heard).toHaveLength(6);
    expect(heard.map(([, sequence]) => Number(sequence))).toEqual([5, 4, 3, 2, 1, 0].map((n) => last - n));
    subscription.unsubscribe();
  });
});

describe('commands that arrive together', () => {
  test('later ones see what earlier ones did, and a rejected one does not fail its neighbours', async () => {
    await log.submit(moveMoney('fill', { source: 'world_EUR', destination: 'carol', amount: '100' }));
    const outcomes = await Promise.all(
      [60, 60, 40, 1].map((amount, index) =>
        log.submit(
          moveMoney(`together${index}`, { source: 'carol', destination: 'bob', amount: String(amount) }),
        ),
      ),
    );
    expect(outcomes.map(reason)).toEqual([undefined, 'insufficient_funds', undefined, 'insufficient_funds']);
    const events = await Promise.all([0, 1, 2, 3].map((index) => transferEvents(`together${index}`)));
    expect(new Set(events.flat().map(({ batch }) => batch?.id)).size).toBe(1);
  });

  test('the same command twice in one batch has one effect, and both get the same answer', async () => {
    const request = moveMoney('twice', { source: 'world_EUR', destination: 'bob', amount: '5' });
    const [first, second] = await Promise.all([log.submit(request), log.submit(request)]);
    expect(second).toMatchObject({ type: 'transfer', replayed: true });
    expect(position(second)).toBe(position(first));
    expect(await transferEvents('twice')).toHaveLength(1);
  });

  test('another request under the same id is refused, in the same batch and later', async () => {
    const terms = { source: 'world_EUR', destination: 'bob', amount: '5' };
    const other = moveMoney('reused', { ...terms, amount: '6' }, { fingerprint: 'other' });
    const outcomes = await Promise.all([log.submit(moveMoney('reused', terms)), log.submit(other)]);
    expect(outcomes[1]).toMatchObject({ type: 'error', rejection: { code: 'idempotency_key_reused' } });
    expect(await log.submit(other)).toMatchObject({ type: 'error' });
    expect(await transferEvents('reused')).toHaveLength(1);
  });

  test('a full queue refuses at once and keeps what it has', async () => {
    const small = await log.join({ queueMax: 3 });
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, (_, index) =>
        small.submit(moveMoney(`queue${index}`, { source: 'world_EUR', destination: 'bob', amount: '1' })),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect((results[3] as PromiseRejectedResult).reason).toBeInstanceOf(Overloaded);
    expect(await transferEvents('queue4')).toHaveLength(0);
  });
});

describe('many commands that wait', () => {
  test('are stored in the order in which they came, whatever batches they make', async () => {
    await log.submit(createAccount('queue'));
    const outcomes = await Promise.all(
      Array.from({ length: 3_000 }, (_, index) =>
        log.submit(moveMoney(`line${index}`, { source: 'world_EUR', destination: 'queue', amount: '1' })),
      ),
    );
    const positions = outcomes.map(position);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  });
});

describe('the time of an event', () => {
  test('is never before that of the event that it follows, though the clock steps back', async () => {
    const early = await log.join({ clock: () => new Date('2001-01-01T00:00:00Z') });
    const outcome = await early.submit(
      moveMoney('early', { source: 'world_EUR', destination: 'bob', amount: '1' }),
    );
    const [before, after] = (await log.reader.read(0, 500, { account: 'bob' })).slice(-2);
    expect(after?.position).toBe(position(outcome) - 1);
    expect(after!.time >= before!.time).toBe(true);
  });
});

describe('two appenders', () => {
  test('on the same accounts lose nothing, double nothing and overspend nothing', async () => {
    const hands = [log, await log.join()];
    const ids = ['hot1', 'hot2', 'hot3'];
    await Promise.all(ids.map((id) => log.submit(createAccount(id))));
    await log.submit(moveMoney('hot-funds', { source: 'world_EUR', destination: 'hot1', amount: '100' }));
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, (_, index) => {
        const source = ids[index % 3] ?? '';
        const destination = ids[(index + 1) % 3] ?? '';
        const hand = hands[index % 2] ?? log;
        return hand.submit(moveMoney(`race${index}`, { source, destination, amount: '7' }));
      }),
    );
    const ends = (await log.allEvents()).filter(({ aggregateId }) => aggregateId.startsWith('race'));
    expect(ends).toHaveLength(300);
    const completed = new Set(
      ends.filter(({ name }) => name === 'TransferCompleted').map((e) => e.aggregateId),
    );
    expect(outcomes.map((outcome) => reason(outcome) === undefined)).toEqual(
      outcomes.map((_, index) => completed.has(`race${index}`)),
    );
    const balances = new Map<string, bigint>();
    for (const event of await log.allEvents()) {
      if (event.aggregate === 'account' && 'balances' in event.data) {
        expect(event.aggregateId.startsWith('world') || BigInt(event.data.balances.available) >= 0n).toBe(
          true,
        );
        balances.set(event.aggregateId, BigInt(event.data.balances.posted));
      }
    }
    expect(ids.reduce((sum, id) => sum + (balances.get(id) ?? 0n), 0n)).toBe(100n);
    expect([...balances.values()].reduce((sum, balance) => sum + balance, 0n)).toBe(0n);
  });

  test('given the same command at once store it once and answer the same', async () => {
    const other = await log.join();
    const request = moveMoney('both', { source: 'world_EUR', destination: 'bob', amount: '5' });
    const answers = await Promise.all([log.submit(request), other.submit(request)]);
    expect(position(answers[0])).toBe(position(answers[1]));
    expect(await transferEvents('both')).toHaveLength(1);
  });
});

describe('an appender that has not heard of what another did', () => {
  test('refuses nothing because of it', async () => {
    const [one, other] = [await log.join(), await log.join()];
    const pay = (id: string) =>
      one.submit(moveMoney(id, { source: 'newcomer', destination: 'bob', amount: '5' }));
    expect(await pay('before')).toMatchObject({ rejection: { code: 'account_not_found' } });
    await other.submit(createAccount('newcomer'));
    expect(reason(await pay('unfunded'))).toBe('insufficient_funds');
    await other.submit(moveMoney('found', { source: 'world_EUR', destination: 'newcomer', amount: '5' }));
    expect(reason(await pay('funded'))).toBeUndefined();
    await other.submit(changeAccount('newcomer', { type: 'account.freeze' }));
    expect(await one.submit(changeAccount('newcomer', { type: 'account.unfreeze' }))).toMatchObject({
      state: { status: 'open', version: 5 },
    });
  });
});

describe('when the acknowledgement is lost', () => {
  test('the appender reads back and tells the truth, and the command is stored once', async () => {
    const proxy = await startFaultProxy(inject('servers').natsUrl);
    const url = new URL(inject('servers').natsUrl);
    url.port = String(proxy.port);
    const far = await log.join({ url: url.href });
    await far.submit(moveMoney('warm', { source: 'world_EUR', destination: 'bob', amount: '1' }));
    proxy.dropReplies();
    const pending = far.submit(moveMoney('lost', { source: 'world_EUR', destination: 'bob', amount: '5' }));
    // It is in the log while the appender does not know it.
    await expect.poll(() => transferEvents('lost'), { timeout: 5_000 }).toHaveLength(1);
    proxy.cut();
    const outcome = await pending;
    expect(outcome).toMatchObject({ type: 'transfer', replayed: false });
    const stored = await transferEvents('lost');
    expect(stored).toHaveLength(1);
    expect(position(outcome)).toBe(stored[0]?.position);
    await proxy.close();
  });
});

const freeze = () => changeAccount('dora', { type: 'account.freeze' });

describe('account commands', () => {
  test('without a key: creating again is refused, freezing again changes nothing', async () => {
    await log.submit(createAccount('dora'));
    expect(await log.submit(createAccount('dora'))).toMatchObject({
      rejection: { code: 'account_exists' },
    });
    const first = await log.submit(freeze());
    expect(first).toMatchObject({ type: 'account', state: { status: 'frozen', version: 2 } });
    expect(await log.submit(freeze())).toEqual(first);
  });

  test('with a key: the same request has the same answer whatever happened since, another is refused', async () => {
    const key = { idempotency_key: 'a'.repeat(64), fingerprint: 'create eve' };
    const created = await log.submit(createAccount('eve', key));
    await log.submit(moveMoney('eve1', { source: 'world_EUR', destination: 'eve', amount: '5' }));
    const later = await log.join();
    for (const hand of [log, later]) {
      expect(await hand.submit(createAccount('eve', key))).toEqual({ ...created, replayed: true });
      const other = createAccount('eve2', { ...key, fingerprint: 'create eve2' });
      expect(await hand.submit(other)).toMatchObject({ rejection: { code: 'idempotency_key_reused' } });
    }
    expect(await log.reader.first({ aggregate: 'account', id: 'eve2' })).toBeUndefined();
  });
});
