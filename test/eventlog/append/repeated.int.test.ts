import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../../../eventlog/append/outcome.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import {
  decision,
  changeAccount,
  changeHold,
  createAccount,
  moveMoney,
  openTestLedger,
  placeHold,
  resolve,
  reverse,
  step,
  transact,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';

const NOON = '2026-01-02T12:00:00.000Z';
const NIGHT = '2026-01-02T20:00:00.000Z';

let log: TestLedger;
beforeAll(async () => {
  log = await openTestLedger();
  await Promise.all(['alice', 'bob'].map((id) => log.submit(createAccount(id))));
  await log.submit(moveMoney('funds', { source: 'world_EUR', destination: 'alice', amount: '100000' }));
});
afterAll(() => log.close());

const key = () => ({ idempotency_key: randomUUID() });
const fromAlice = { source: 'alice', destination: 'bob', amount: '5' };

/** Something that is there before the command, under the name that it gets. */
const THINGS = {
  nothing: async () => {},
  account: async (id: string) => log.submit(createAccount(id)),
  posted: async (id: string) => log.submit(moveMoney(id, fromAlice)),
  waiting: async (id: string) => log.submit(moveMoney(id, fromAlice, { approval_expires_at: NOON })),
  scheduled: async (id: string) => log.submit(moveMoney(id, fromAlice, { scheduled_for: NOON })),
  pending: async (id: string) =>
    log.submit(moveMoney(id, { ...fromAlice, destination: 'world_EUR' }, { rail: 'sepa' })),
  parked: async (id: string) => {
    await THINGS.pending(id);
    return log.submit(step(id, { type: 'transfer.park', reason: 'no answer' }));
  },
  hold: async (id: string) =>
    log.submit(placeHold(id, { account: 'alice', amount: '5' }, { expires_at: NOON })),
} as const;

type Case = {
  readonly what: string;
  readonly before: keyof typeof THINGS;
  readonly ask: (id: string) => CommandRequest;
  /** What the outcome is. */
  readonly expected: object;
};

const REUSED = { type: 'error', rejection: { code: 'idempotency_key_reused' } };
const posted = { type: 'transfer', transfer: { status: 'posted' } };

/** Every command that a key, or its own id, makes known. */
const KEYED: readonly Case[] = [
  {
    what: 'a transfer',
    before: 'nothing',
    ask: (id) => moveMoney(`t${id}`, fromAlice),
    expected: posted,
  },
  {
    what: 'a transfer that is rejected',
    before: 'nothing',
    ask: (id) => moveMoney(`t${id}`, { ...fromAlice, amount: '999999' }),
    expected: { type: 'transfer', rejection: { code: 'insufficient_funds' } },
  },
  {
    what: 'a transfer that waits',
    before: 'nothing',
    ask: (id) => moveMoney(`t${id}`, fromAlice, { approval_expires_at: NOON }),
    expected: { transfer: { status: 'awaiting_approval' } },
  },
  {
    what: 'a transaction',
    before: 'nothing',
    ask: (id) =>
      transact(`t${id}`, [
        ['alice', -5],
        ['bob', 4],
        ['world_EUR', 1],
      ]),
    expected: posted,
  },
  { what: 'a reversal', before: 'posted', ask: (id) => reverse(`r${id}`, id), expected: posted },
  {
    what: 'a reversal in part',
    before: 'posted',
    ask: (id) => reverse(`r${id}`, id, { amount: '2' }),
    expected: posted,
  },
  {
    what: 'a reversal that is rejected',
    before: 'posted',
    ask: (id) => reverse(`r${id}`, id, { amount: '6' }),
    expected: { type: 'transfer', rejection: { code: 'amount_exceeds_transfer' } },
  },
  { what: 'an approval', before: 'waiting', ask: (id) => decision(id, 'approve'), expected: posted },
  {
    what: 'a rejection',
    before: 'waiting',
    ask: (id) => decision(id, 'reject', { reason: 'no' }),
    expected: { transfer: { status: 'rejected', reason: 'no' } },
  },
  {
    what: 'a cancellation',
    before: 'scheduled',
    ask: (id) => decision(id, 'cancel'),
    expected: { transfer: { status: 'cancelled' } },
  },
  { what: 'a resolution', before: 'parked', ask: (id) => resolve(id, 'completed'), expected: posted },
  {
    what: 'a resolution that gives up',
    before: 'parked',
    ask: (id) => resolve(id, 'failed', { reason: 'it came back' }),
    expected: { transfer: { status: 'failed', reason: 'resolved_as_failed' } },
  },
  {
    what: 'a hold',
    before: 'nothing',
    ask: (id) => placeHold(id, { account: 'alice', amount: '5' }),
    expected: { type: 'hold', created: true, hold: { status: 'active' } },
  },
  {
    what: 'a hold that is refused',
    before: 'nothing',
    ask: (id) => placeHold(id, { account: 'alice', amount: '999999' }),
    expected: { type: 'rejected', rejection: { code: 'insufficient_funds' } },
  },
  {
    what: 'a capture',
    before: 'hold',
    ask: (id) => changeHold(id, { type: 'hold.capture', transfer: `c${id}`, amount: '3' }),
    expected: { type: 'hold', created: false, hold: { status: 'captured', captured: '3' } },
  },
  {
    what: 'a capture that is refused',
    before: 'hold',
    ask: (id) => changeHold(id, { type: 'hold.capture', transfer: `c${id}`, amount: '6' }),
    expected: { type: 'rejected', rejection: { code: 'amount_exceeds_hold' } },
  },
  {
    what: 'a voiding',
    before: 'hold',
    ask: (id) => changeHold(id, { type: 'hold.void' }),
    expected: { hold: { status: 'voided' } },
  },
  {
    what: 'an extension',
    before: 'hold',
    ask: (id) => changeHold(id, { type: 'hold.extend', expires_at: NIGHT }),
    expected: { hold: { status: 'active', expires_at: NIGHT } },
  },
  {
    what: 'an extension that changes nothing',
    before: 'hold',
    ask: (id) => changeHold(id, { type: 'hold.extend', expires_at: NOON }),
    expected: { hold: { status: 'active', expires_at: NOON } },
  },
  {
    what: 'an account',
    before: 'nothing',
    ask: (id) => createAccount(id, key()),
    expected: { type: 'account', created: true, state: { version: 1 } },
  },
  {
    what: 'another limit',
    before: 'account',
    ask: (id) => changeAccount(id, { type: 'account.update', overdraft_limit: '7', if_version: 1 }, key()),
    expected: { type: 'account', state: { overdraft_limit: '7', version: 2 } },
  },
  {
    what: 'a freeze',
    before: 'account',
    ask: (id) => changeAccount(id, { type: 'account.freeze' }, key()),
    expected: { type: 'account', state: { status: 'frozen', version: 2 } },
  },
];

/** Without a key: the workflow that asks may be killed, and ask again. */
const UNKEYED: readonly Case[] = [
  {
    what: 'a completion',
    before: 'scheduled',
    ask: (id) => step(id, { type: 'transfer.complete' }),
    expected: posted,
  },
  {
    what: 'an expiry',
    before: 'waiting',
    ask: (id) => step(id, { type: 'transfer.expire' }),
    expected: { transfer: { status: 'expired' } },
  },
  {
    what: 'a failure',
    before: 'pending',
    ask: (id) => step(id, { type: 'transfer.fail', code: 'rail_declined', detail: 'No such IBAN.' }),
    expected: { transfer: { status: 'failed', reason: 'rail_declined' } },
  },
  {
    what: 'a parking',
    before: 'pending',
    ask: (id) => step(id, { type: 'transfer.park', reason: 'no answer' }),
    expected: { transfer: { status: 'pending', reason: 'no answer' } },
  },
  {
    what: "a hold's expiry",
    before: 'hold',
    ask: (id) => changeHold(id, { type: 'hold.expire', expires_at: NOON }),
    expected: { hold: { status: 'expired' } },
  },
  {
    what: 'an approval',
    before: 'waiting',
    ask: (id) => withoutKey(decision(id, 'approve')),
    expected: posted,
  },
  {
    what: 'a voiding',
    before: 'hold',
    ask: (id) => withoutKey(changeHold(id, { type: 'hold.void' })),
    expected: { hold: { status: 'voided' } },
  },
  {
    what: 'another limit for a version',
    before: 'account',
    ask: (id) => changeAccount(id, { type: 'account.update', overdraft_limit: '7', if_version: 1 }),
    expected: { state: { overdraft_limit: '7', version: 2 } },
  },
];

function withoutKey(request: CommandRequest): CommandRequest {
  const { idempotency_key: _, ...rest } = request;
  return rest;
}

async function prepared({ before: given, ask }: Case): Promise<CommandRequest> {
  const id = `x${randomUUID().slice(0, 12)}`;
  await THINGS[given](id);
  return ask(id);
}

/** What the outcome says, without whether it was new. */
function shown(outcome: Outcome): object {
  return { ...outcome, replayed: undefined };
}

describe.each(KEYED)('$what', (of) => {
  test('that is asked for again changes nothing more and is answered the same, also by another appender', async () => {
    const request = await prepared(of);
    const first = await log.submit(request);
    expect(first).toMatchObject({ ...of.expected, replayed: false });
    const end = await log.reader.lastPosition();
    for (const hand of [log, await log.join()]) {
      expect(await hand.submit(request)).toEqual({ ...first, replayed: true });
    }
    expect(await log.reader.lastPosition()).toBe(end);
  });

  test('that is asked for twice at once has one effect, by one appender or by two', async () => {
    const other = await log.join();
    for (const hands of [
      [log, log],
      [log, other],
    ] as const) {
      const request = await prepared(of);
      const before = await log.reader.lastPosition();
      const [one, two] = await Promise.all(hands.map((hand) => hand.submit(request)));
      expect(one).toMatchObject(of.expected);
      expect(shown(two!)).toEqual(shown(one!));
      await expectOnce(request, before);
    }
  });

  test('whose key is used for something else is not taken for it, by whomever it is asked', async () => {
    const request = await prepared(of);
    const first = await log.submit(request);
    const end = await log.reader.lastPosition();
    const another = { ...request, fingerprint: 'another', command_id: randomUUID() };
    for (const hand of [log, await log.join()]) expect(await hand.submit(another)).toMatchObject(REUSED);
    expect(await log.reader.lastPosition()).toBe(end);
    expect(shown(await log.submit(request))).toEqual(shown(first));
  });
});

/** The log has the events of one command with this id, numbered from 1. */
async function expectOnce({ command_id }: CommandRequest, after: number): Promise<void> {
  const numbers: number[] = [];
  for await (const some of log.reader.events({ after })) {
    for (const { id } of some) {
      if (id.startsWith(command_id)) numbers.push(Number(id.slice(command_id.length + 1)));
    }
  }
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
}

describe.each(UNKEYED)('$what without a key', (of) => {
  test('that is asked for again changes nothing more and is answered the same, also by another appender', async () => {
    const request = await prepared(of);
    const first = await log.submit(request);
    expect(first).toMatchObject(of.expected);
    const end = await log.reader.lastPosition();
    for (const hand of [log, await log.join()]) {
      expect(shown(await hand.submit(request))).toEqual(shown(first));
    }
    expect(await log.reader.lastPosition()).toBe(end);
  });
});

describe('a key that was used', () => {
  test('for a transfer is not taken for its reversal', async () => {
    await log.submit(moveMoney('same', fromAlice));
    for (const hand of [log, await log.join()])
      expect(await hand.submit(reverse('same', 'same', { fingerprint: 'x' }))).toMatchObject(REUSED);
  });

  test('for a transfer does not hold up a capture that would make the same one, nor its neighbours', async () => {
    await log.submit(moveMoney('taken', fromAlice));
    await log.submit(placeHold('holding', { account: 'alice', amount: '5' }));
    const other = await log.join();
    const capture = changeHold('holding', { type: 'hold.capture', transfer: 'taken' });
    const neighbour = moveMoney('neighbour', fromAlice);
    const asked = performance.now();
    const [refused, moved] = await Promise.all([other.submit(capture), other.submit(neighbour)]);
    expect(refused).toMatchObject({ rejection: { code: 'idempotency_key_reused' } });
    expect(moved).toMatchObject(posted);
    expect(performance.now() - asked).toBeLessThan(2_000);
  });

  test('for a hold does not hold up another that would have the same name', async () => {
    await log.submit(placeHold('named', { account: 'alice', amount: '5' }));
    const other = await log.join();
    expect(await other.submit(placeHold('named', { account: 'alice', amount: '6' }))).toMatchObject(REUSED);
  });
});
