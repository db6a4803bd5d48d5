import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Audit } from '../../eventlog/audit/audit.ts';
import { createEventReader } from '../../eventlog/read/reader.ts';
import { runs } from '../support/fuzz/fuzz-settings.ts';
import { httpClient, type Reply } from '../support/http/http.ts';
import { startTwoTallybooks, type TwoTallybooks } from '../support/processes/two-tallybooks.ts';
import { forged, recordHistory, unexplained } from '../support/reference/recorded-history.ts';

let both: TwoTallybooks;
let clients: ReturnType<typeof httpClient>[];
beforeAll(async () => {
  both = await startTwoTallybooks();
  clients = both.urls.map(httpClient);
});
afterAll(() => both.remove());

type Body = Record<string, unknown>;

const ATTEMPTS = 8;
let asked = 0;
/**
 * Sends a command to one process or the other, in turn; again, with the same key, for as long as nobody has said what
 * became of it.
 */
async function command(path: string, body: Body = {}, key = `race ${(asked += 1)}`): Promise<Reply> {
  for (let attempt = 1; ; attempt += 1) {
    const client = clients[(asked += 1) % 2]!;
    try {
      const reply = await client.post(path, body, { 'idempotency-key': key });
      if (![408, 503].includes(reply.status) || attempt === ATTEMPTS) return reply;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

const eur = (amount: number) => ({ amount: `${amount}`, currency: 'EUR' });
const pay = (source: string, destination: string, amount: number) =>
  command('/v1/transfers', { source, destination, ...eur(amount) });
const deposit = (account: string, amount: number) => command('/v1/deposits', { account, ...eur(amount) });

let accounts = 0;
async function open(amount: number): Promise<string> {
  const id = `account-${(accounts += 1)}`;
  const opened = await command('/v1/accounts', { id, owner: id, currency: 'EUR' });
  expect(opened.status).toBe(201);
  if (amount > 0) expect((await deposit(id, amount)).status).toBe(201);
  return id;
}

const times = <Result>(count: number, make: (index: number) => Result): Result[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** How each was answered: its code if it was refused. */
const outcome = ({ status, body }: Reply) => (status < 300 ? 'done' : (body.code as string));
function tally(replies: readonly Reply[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reply of replies) counts[outcome(reply)] = (counts[outcome(reply)] ?? 0) + 1;
  return counts;
}

/** The balances when all that the log has by now is in them. */
async function balances(account: string) {
  const last = (await clients[0]!.get('/readyz')).body.projector.last_position as number;
  const reply = await clients[0]!.get(`/v1/accounts/${account}/balances?min_position=${last}`);
  expect(reply.status).toBe(200);
  return { posted: Number(reply.body.posted), held: Number(reply.body.held) };
}

/** Every event of an account, in order. */
async function eventsOf(account: string): Promise<Body[]> {
  const events: Body[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const reply: Reply = await clients[0]!.get(
      `/v1/accounts/${account}/events?limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    events.push(...(reply.body.data as Body[]));
    cursor = reply.body.next_cursor as string | null;
  }
  return events;
}

describe('one account', () => {
  test('a thousand debits at once with money for five hundred: exactly five hundred', async () => {
    const purse = await open(500);
    const replies = await Promise.all(times(1_000, () => pay(purse, 'world_EUR', 1)));
    expect(tally(replies)).toEqual({ done: 500, insufficient_funds: 500 });
    expect(await balances(purse)).toEqual({ posted: 0, held: 0 });
    const left = (await eventsOf(purse)).flatMap(({ data }) => (data as Body)['balances'] ?? []);
    expect(left).toHaveLength(502);
    expect(left.every((after) => Number((after as Body)['available']) >= 0)).toBe(true);
  });

  test('different amounts: what was refused was more than there was, and what was paid is gone', async () => {
    const purse = await open(1_000);
    const amounts = times(200, (index) => 1 + ((index * 37) % 50));
    const replies = await Promise.all(amounts.map((amount) => pay(purse, 'world_EUR', amount)));
    const paid = amounts.filter((_, index) => replies[index]!.status === 201);
    const { posted } = await balances(purse);
    expect(posted).toBe(1_000 - paid.reduce((sum, amount) => sum + amount, 0));
    const least = Math.min(...amounts.filter((_, index) => replies[index]!.status !== 201));
    expect(posted).toBeLessThan(least);
  });

  test('frozen while money goes out: all that went out went before', async () => {
    const purse = await open(1_000);
    const payments = times(150, () => pay(purse, 'world_EUR', 1));
    const freeze = command(`/v1/accounts/${purse}/freeze`);
    const replies = await Promise.all([...payments, ...times(150, () => pay(purse, 'world_EUR', 1))]);
    expect((await freeze).status).toBe(200);
    const { done = 0, account_frozen: refused = 0 } = tally(replies);
    expect(done + refused).toBe(300);
    expect(await balances(purse)).toEqual({ posted: 1_000 - done, held: 0 });
    const types = (await eventsOf(purse)).map(({ type }) => type);
    expect(types.at(-1)).toBe('ledger.AccountFrozen.v1');
    expect(types.filter((type) => type === 'ledger.MoneyWithdrawn.v1')).toHaveLength(done);
    // Known to be frozen, it pays nothing.
    expect(outcome(await pay(purse, 'world_EUR', 1))).toBe('account_frozen');
  });

  test('closed while money comes in: closed and empty, or open and all of it there', async () => {
    for (const round of times(8, (index) => index)) {
      const purse = await open(0);
      // Sometimes the first to come is one, sometimes the other.
      const early = times(round % 2, () => deposit(purse, 1));
      const close = command(`/v1/accounts/${purse}/close`);
      const replies = await Promise.all([...early, ...times(5, () => deposit(purse, 1))]);
      const { done = 0, account_closed: late = 0 } = tally(replies);
      expect(done + late).toBe(replies.length);
      expect((await balances(purse)).posted).toBe(done);
      expect(outcome(await close)).toBe(done > 0 ? 'account_not_empty' : 'done');
    }
  });
});

describe('several accounts', () => {
  test('round in circles, and to and fro: every transfer ends, and no money comes or goes', async () => {
    const ring = await Promise.all(times(3, () => open(20)));
    const [first = '', second = ''] = ring;
    const moves = times(300, (index): [string, string, number] => {
      const amount = 1 + ((index * 7) % 13);
      if (index % 3 === 2) return index % 2 === 0 ? [first, second, amount] : [second, first, amount];
      return [ring[index % 3]!, ring[(index + 1) % 3]!, amount];
    });
    const back = moves.map(([from, to, amount]): [string, string, number] => [to, from, amount]);
    const all = [...moves, ...back];
    const replies = await Promise.all(all.map((move) => pay(...move)));
    expect(Object.keys(tally(replies)).toSorted()).toEqual(['done', 'insufficient_funds']);
    for (const account of ring) {
      const moved = all.map(([from, to, amount], index) => {
        if (replies[index]!.status !== 201) return 0;
        return (to === account ? amount : 0) - (from === account ? amount : 0);
      });
      const { posted } = await balances(account);
      expect(posted).toBe(20 + moved.reduce((sum, amount) => sum + amount, 0));
      expect(posted).toBeGreaterThanOrEqual(0);
    }
  });

  test('asked for in both processes at once with one key: one effect, one answer', async () => {
    const purse = await open(100);
    const body = { source: purse, destination: 'world_EUR', ...eur(10) };
    const replies = await Promise.all(times(100, () => command('/v1/transfers', body, 'in both at once')));
    expect(tally(replies)).toEqual({ done: 100 });
    expect(new Set(replies.map((reply) => JSON.stringify(reply.body))).size).toBe(1);
    expect(replies.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
    expect(await balances(purse)).toEqual({ posted: 90, held: 0 });
  });

  test('two requests at once with one key: one is carried out, the other is refused whoever asks', async () => {
    const purse = await open(100);
    const bodies = times(60, (index) => ({
      source: purse,
      destination: 'world_EUR',
      ...eur(10 + (index % 3)),
    }));
    const replies = await Promise.all(bodies.map((body) => command('/v1/transfers', body, 'for several')));
    expect(tally(replies)).toEqual({ done: 20, idempotency_key_reused: 40 });
    const [carried] = replies.filter(({ status }) => status === 201);
    expect((await balances(purse)).posted).toBe(100 - Number(carried!.body.amount));
  });
});

describe('what waits', () => {
  test('approved, cancelled and rejected at once: exactly one, and the money is where that says', async () => {
    const purse = await open(300);
    const waiting = await Promise.all(
      times(30, () =>
        command('/v1/transfers', {
          source: purse,
          destination: 'world_EUR',
          ...eur(10),
          approval: { timeout_seconds: 600 },
        }),
      ),
    );
    expect(tally(waiting)).toEqual({ done: 30 });
    const answers = ['approve', 'cancel', 'reject'];
    const replies = await Promise.all(
      waiting.map(({ body }, index) =>
        Promise.all(times(3, (turn) => command(`/v1/transfers/${body.id}/${answers[(turn + index) % 3]}`))),
      ),
    );
    for (const three of replies) expect(tally(three)).toEqual({ done: 1, transfer_not_pending: 2 });
    const ended = replies.flat().filter(({ status }) => status === 200);
    const posted = ended.filter(({ body }) => body.status === 'posted');
    expect(await balances(purse)).toEqual({ posted: 300 - 10 * posted.length, held: 0 });
  });

  test('captured, voided and expired at once: exactly one, and the money is where that says', async () => {
    const purse = await open(300);
    const holds = await Promise.all(
      times(30, () => command('/v1/holds', { account: purse, ...eur(10), expires_in_seconds: 2 })),
    );
    expect(tally(holds)).toEqual({ done: 30 });
    const replies = await Promise.all(
      holds.map(async ({ body }, index) => {
        // Some at once, some just when it expires.
        const due = Date.parse(body.expires_at as string) - Date.now() + index * 5 - 75;
        await sleep(index % 3 === 0 ? 0 : due);
        return Promise.all([
          command(`/v1/holds/${body.id}/capture`, { amount: '7' }),
          command(`/v1/holds/${body.id}/void`),
        ]);
      }),
    );
    const statuses = await Promise.all(
      holds.map(async ({ body }) => {
        const status = async () => (await clients[1]!.get(`/v1/holds/${body.id}`)).body.status as string;
        await expect.poll(status, { timeout: 20_000 }).not.toBe('active');
        return status();
      }),
    );
    for (const [index, [capture, release]] of replies.entries()) {
      const won = { captured: capture.status === 200, voided: release.status === 200 };
      expect({ captured: statuses[index] === 'captured', voided: statuses[index] === 'voided' }).toEqual(won);
      for (const { status, body } of [capture, release]) {
        if (status !== 200) expect(body.code).toBe('hold_not_active');
      }
    }
    const captured = statuses.filter((status) => status === 'captured').length;
    expect(await balances(purse)).toEqual({ posted: 300 - 7 * captured, held: 0 });
  });
});

test.each(times(runs(3), (round) => round))(
  'history %i: what several clients saw happened in one order, and reads kept their promises',
  async (round) => {
    const world = await recordHistory(both.urls, round);
    expect(unexplained(world)).toBeUndefined();
    // It would have been noticed: one wrong digit, and nothing explains it.
    expect(unexplained(forged(world))).toBeDefined();
    const answered = world.history.filter(({ response: answer }) => answer !== undefined);
    expect(answered.length).toBeGreaterThan(world.history.length * 0.7);
  },
);

test('afterwards the log is whole: every chain, every balance, and the sum is zero', async () => {
  const nc = await connect({ servers: `nats://127.0.0.1:${both.first.natsPort}` });
  try {
    const audit = new Audit({ ledger: 'main' });
    for await (const some of createEventReader(nc, 'main').messages()) {
      for (const message of some) expect(audit.add(message).finding).toBeUndefined();
    }
    expect(audit.end()).toBeUndefined();
  } finally {
    await nc.close();
  }
});
