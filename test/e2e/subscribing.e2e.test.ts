/** The programs of `docs/subscribing.md` do what the page says. */
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';
import { httpClient } from '../support/http/http.ts';
import { startExample, type Example } from '../support/processes/example-process.ts';

let tallybook: Throwaway;
let http: ReturnType<typeof httpClient>;
const running: Example[] = [];

beforeAll(async () => {
  tallybook = await startThrowaway();
  http = httpClient(tallybook.url);
  await http.post('/v1/accounts', { id: 'alice', owner: 'alice', currency: 'EUR' });
  await http.post('/v1/accounts', { id: 'bob', owner: 'bob', currency: 'EUR' });
  await http.post('/v1/deposits', { account: 'alice', amount: '1000', currency: 'EUR' });
});
afterAll(async () => {
  await Promise.all(running.map((example) => example.kill('SIGKILL')));
  await tallybook.remove();
});

function run(name: string, ...args: string[]): Example {
  const example = startExample(tallybook, `subscribing/${name}`, args);
  running.push(example);
  return example;
}

/** Pays bob, and gives the position of the payment; bob's entry is at the one before. */
async function pay(amount = 1): Promise<number> {
  const body = { source: 'alice', destination: 'bob', amount: `${amount}`, currency: 'EUR' };
  return Number((await http.post('/v1/transfers', body)).headers.get('ledger-position'));
}

/** Pays bob that often at once, and gives the position of the last entry of his. */
async function payOften(count: number): Promise<number> {
  const paid = await Promise.all(Array.from({ length: count }, () => pay()));
  return Math.max(...paid) - 1;
}

const patience = { timeout: 20_000 };
/** The positions that it has printed. */
const positions = (example: Example) => example.lines().map((line) => Number.parseInt(line, 10));

type Event = { position: number; type: string; subject: string; version: number; time: string };

async function events(query: string): Promise<Event[]> {
  return (await http.get(`/v1/events?limit=500&${query}`)).body.data as Event[];
}

test('plain: what happens from now on, with its position', async () => {
  const plain = run('plain');
  // It says nothing until something comes, so pay until it does.
  await expect
    .poll(async () => (await pay(), plain.lines().length), { timeout: 20_000, interval: 200 })
    .toBeGreaterThan(0);
  const before = await http.get('/v1/accounts/bob/balances');
  const position = await pay(7);
  await expect
    .poll(plain.lines, patience)
    .toContainEqual(expect.stringMatching(new RegExp(`^${position - 1} bob got 7 EUR and has \\d+$`)));
  const seen = positions(plain);
  expect(seen[0]).toBeGreaterThan(5);
  expect(before.status).toBe(200);
  const since = await events(`type=ledger.MoneyDeposited.v1&after=${(seen[0] ?? 0) - 1}`);
  expect(seen).toEqual(since.map((event) => event.position));
});

// The same with today's client and with the classic `nats` package.
test.each(['durable', 'classic'])('%s: it goes on where it was, however it was ended', async (name) => {
  let mailer = run(name);
  const printed: number[] = [];
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const position = await pay();
    await expect.poll(mailer.output, patience).toContain(`${position} tr_`);
    await mailer.kill(signal);
    printed.push(...positions(mailer));
    await pay();
    mailer = run(name);
  }
  const last = await pay();
  await expect.poll(mailer.output, { timeout: 60_000 }).toContain(`${last} tr_`);
  printed.push(...positions(mailer));
  const all = await events('type=ledger.TransferCompleted.v1');
  // At least once: a kill may come between the work and its acknowledgement.
  expect([...new Set(printed)]).toEqual(all.map(({ position }) => position));
});

test('replay: all since a time and nothing before it, and then it ends', async () => {
  const before = await pay();
  await new Promise((tick) => setTimeout(tick, 50));
  const from = new Date();
  await pay();
  await pay();
  const replay = run('replay', from.toISOString());
  expect(await replay.exited).toBe(0);
  const since = await events(`after=${before}`);
  expect(since).toHaveLength(6);
  expect(replay.lines()).toEqual(since.map(({ position, time, type }) => `${position} ${time} ${type}`));
  const nothing = run('replay', new Date(Date.now() + 3_600_000).toISOString());
  expect([await nothing.exited, nothing.output()]).toEqual([0, '']);
  const all = run('replay', '2020-01-01');
  expect(await all.exited).toBe(0);
  expect(positions(all)).toEqual((await events('')).map(({ position }) => position));
});

test('ordered: from a position on, without a gap, even when the server loses its consumer', async () => {
  const [, second] = await events('account=alice');
  const after = second?.position ?? 0;
  const ordered = run('ordered', 'alice', `${after}`);
  const lines = async () =>
    (await events('account=alice')).slice(2).map(({ position, version }) => `${position} version ${version}`);
  const printed = () => ordered.lines().map((line) => line.split(':')[0]);
  await expect.poll(printed, patience).toEqual(await lines());
  // Readers cannot list consumers.
  const own = { user: 'tallybook', pass: 'tallybook' };
  const nc = await connect({ servers: `nats://127.0.0.1:${tallybook.natsPort}`, ...own });
  const manager = await jetstreamManager(nc);
  const mine = async () => {
    const consumers = await manager.consumers.list('LEDGER_main').next();
    return consumers.map(({ name }) => name).filter((name) => name.startsWith('ordered'));
  };
  const [lost = ''] = await mine();
  expect(await manager.consumers.delete('LEDGER_main', lost)).toBe(true);
  await pay();
  await pay();
  await expect.poll(printed, { timeout: 60_000 }).toEqual(await lines());
  expect(await mine()).not.toContain(lost);
  await nc.close();
});

test('exactly once: killed, started again and started twice, each deposit counts once', async () => {
  const sql = postgres(tallybook.databaseUrl, { max: 1, onnotice: () => {} });
  const received = async () => {
    const rows = await sql<{ account: string; received: string }[]>`SELECT * FROM turnover ORDER BY account`;
    return rows.map((row) => [row.account, row.received]);
  };
  let worker = run('exactly-once');
  await expect.poll(() => worker.lines().length, patience).toBeGreaterThan(0);
  for (let round = 0; round < 3; round++) {
    const paying = payOften(8);
    await new Promise((tick) => setTimeout(tick, 100 + 60 * round));
    await worker.kill('SIGKILL');
    await paying;
    worker = run('exactly-once');
  }
  const other = run('exactly-once');
  // Both are there only when both have printed.
  await expect
    .poll(async () => (await pay(), Math.min(worker.lines().length, other.lines().length)), patience)
    .toBeGreaterThan(0);
  const last = await payOften(10);
  await expect.poll(worker.output, { timeout: 60_000 }).toContain(`${last} bob`);
  await expect.poll(other.output, { timeout: 60_000 }).toContain(`${last} bob`);
  const { balances } = (await http.get(`/v1/accounts/bob?min_position=${last}`)).body as {
    balances: { posted: string };
  };
  expect(await received()).toEqual([
    ['alice', '1000'],
    ['bob', balances.posted],
  ]);
  const [progress] = await sql<{ position: string }[]>`SELECT position FROM progress`;
  expect(Number(progress?.position)).toBe(last);
  await sql.end();
});
