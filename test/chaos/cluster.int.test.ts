import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resultOrError } from '../../activities/command-result.ts';
import { openBulkStream } from '../../bulks/store.ts';
import { leaderOf, prepareNatsCluster, type NatsCluster } from '../../chaos/infra/nats-cluster.ts';
import { streamName } from '../../contracts/subjects.ts';
import type { Child } from '../../dev/servers/child-process.ts';
import { createAppender } from '../../eventlog/append/appender.ts';
import { connectToNats } from '../../eventlog/nats/connection.ts';
import { openLog } from '../../eventlog/nats/stream.ts';
import { createEventReader } from '../../eventlog/read/reader.ts';
import { openActiveAppender } from '../../eventlog/writer/active-appender.ts';
import { startDispatcher } from '../../webhooks/dispatcher.ts';
import { createAccount, moveMoney } from '../support/ledgers/test-ledger.ts';

const DELAY_MS = 150;
/** Which replica answers is chance: so often it is one that is behind, now and then. */
const ROUNDS = 5;

let cluster: NatsCluster;
let nodes: Record<string, Child>;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tallybook-cluster-'));
  cluster = await prepareNatsCluster({ dataDir, password: 'test' });
  const started = Object.entries(cluster.start).map(async ([name, start]) => [name, await start()] as const);
  nodes = Object.fromEntries(await Promise.all(started));
});

afterAll(async () => {
  await Promise.all(Object.values(nodes ?? {}).map((node) => node.stop()));
  await cluster?.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** Hands on a new ledger with three copies: one at the leader's node, one at a node that is behind it. */
async function leaderAndLaggard() {
  const ledger = `t-${randomUUID().slice(0, 8)}`;
  const first = await connectToNats(cluster.url, 'test');
  await openLog(first, { ledger, replicas: 3 });
  const leader = await leaderOf(first, streamName(ledger));
  const laggard = Object.keys(cluster.urls).find((name) => name !== leader);
  if (leader === undefined || laggard === undefined) throw new Error('The stream has no leader.');
  await first.close();
  const hand = async (node: string) => {
    const nc = await connectToNats(cluster.urls[node]!, 'test');
    const reader = createEventReader(nc, ledger);
    const appender = createAppender(nc, reader, { ledger, clock: () => new Date() });
    return {
      nc,
      reader,
      submit: (request: Parameters<typeof appender.submit>[0]['request']) =>
        appender.submit({ request, workflowId: 'test' }),
    };
  };
  const [atLeader, atLaggard] = await Promise.all([hand(leader), hand(laggard)]);
  return {
    atLeader,
    atLaggard,
    /** From now on what the leader says arrives late at the laggard. */
    delay: () => cluster.weather(leader, laggard, { delayMs: DELAY_MS }),
    close: async () => {
      cluster.weather(leader, laggard, {});
      await Promise.all([atLeader.nc.close(), atLaggard.nc.close()]);
    },
  };
}

const credit = (id: string, destination: string) =>
  moveMoney(id, { source: 'world_EUR', destination, amount: '100' });

test('a writer at a node that is behind refuses nothing for what it has not heard of yet', async () => {
  const { atLeader, atLaggard, delay, close } = await leaderAndLaggard();
  try {
    const rounds = Array.from({ length: ROUNDS }, (_, round) => round);
    for (const id of ['b', ...rounds.map((round) => `a${round}`)]) await atLeader.submit(createAccount(id));
    await atLaggard.submit(credit('t1', 'b'));
    delay();
    for (const round of rounds) {
      await atLeader.submit(credit(`c${round}`, `a${round}`));
      // Money that was acknowledged is there to be spent, and an account that was made is known.
      const spend = moveMoney(`s${round}`, { source: `a${round}`, destination: 'b', amount: '100' });
      expect(await atLaggard.submit(spend)).toMatchObject({
        type: 'transfer',
        transfer: { status: 'posted' },
      });
      await atLeader.submit(createAccount(`n${round}`));
      expect(await atLaggard.submit(credit(`m${round}`, `n${round}`))).toMatchObject({ type: 'transfer' });
    }
  } finally {
    await close();
  }
});

test('what was just acknowledged is read at a node that is behind', async () => {
  const { atLeader, atLaggard, delay, close } = await leaderAndLaggard();
  try {
    await atLeader.submit(createAccount('a'));
    delay();
    for (let round = 0; round < ROUNDS; round++) {
      const id = `b${round}`;
      const made = await atLeader.submit(createAccount(id));
      // What the worker does for an account that it has just created.
      expect(await resultOrError(atLaggard.reader, made)).toMatchObject({ result: { account: { id } } });
      const moved = await atLeader.submit(credit(`t${round}`, id));
      if (moved.type !== 'transfer') throw new Error('It is a transfer.');
      const at = await atLaggard.reader.lastOf(id, { position: moved.position });
      expect(at?.data.balances.posted).toBe('100');
      await atLeader.submit(credit(`u${round}`, id));
      const events = await atLaggard.reader.read(0, 100, { account: id });
      expect(events.map(({ name }) => name)).toEqual(['AccountCreated', 'MoneyDeposited', 'MoneyDeposited']);
    }
  } finally {
    await close();
  }
});

test('a node whose files are gone gets them back from the others', async () => {
  const ledger = `t-${randomUUID().slice(0, 8)}`;
  const nc = await connectToNats(cluster.url, 'test');
  try {
    await openLog(nc, { ledger, replicas: 3 });
    const appender = createAppender(nc, createEventReader(nc, ledger), { ledger, clock: () => new Date() });
    await appender.submit({ request: createAccount('a'), workflowId: 'test' });
    for (const name of Object.keys(nodes)) {
      await nodes[name]?.stop();
      await rm(join(dataDir, name), { recursive: true });
      nodes[name] = await cluster.start[name]!();
      await expect.poll(() => copies(nc, streamName(ledger), 1), { timeout: 30_000, interval: 200 }).toBe(3);
    }
    // Not one of the files is left that it was first written to.
    const last = await createEventReader(nc, ledger).lastOf('a');
    expect(last?.name).toBe('AccountCreated');
  } finally {
    await nc.close();
  }
}, 120_000);

test('whoever starts while the cluster has no leader says so, and goes on when it has one', async () => {
  const at = { ledger: `t-${randomUUID().slice(0, 8)}`, replicas: 3 };
  const [left = '', ...lost] = Object.keys(nodes);
  for (const name of lost) await nodes[name]?.stop();
  const nc = await connectToNats(cluster.urls[left]!, 'test');
  const told: Record<string, string[]> = {};
  const closers: (() => Promise<void>)[] = [];
  const opening = async (name: string, open: (tell: (line: string) => void) => Promise<unknown>) => {
    const lines: string[] = (told[name] = []);
    await open((line) => lines.push(line));
    return name;
  };
  try {
    const all = Promise.all([
      opening('log', (tell) => openLog(nc, { ...at, tell })),
      opening('bulks', (tell) => openBulkStream(nc, 3, tell)),
      opening('writer', async (tell) => {
        const options = { ...at, clock: () => new Date(), tell };
        closers.push((await openActiveAppender(nc, createEventReader(nc, at.ledger), options)).close);
      }),
      opening('webhooks', async (tell) => {
        const options = { nc, ledger: at.ledger, streamReplicas: 3, webhooks: { allowPrivate: false }, tell };
        closers.push((await startDispatcher(options)).close);
      }),
    ]);
    // It is awaited below; until then a failure is nobody's unhandled rejection.
    all.catch(() => {});
    const first = () => Object.values(told).map(([line]) => line);
    await expect.poll(first, { timeout: 20_000 }).not.toContain(undefined);
    for (const line of first()) expect(line).toMatch(/^NATS does not open .* \(.*\); trying for 30 s\.$/);
    await Promise.all(lost.map(async (name) => (nodes[name] = await cluster.start[name]!())));
    expect(await all).toEqual(['log', 'bulks', 'writer', 'webhooks']);
  } finally {
    await Promise.all(closers.map((close) => close()));
    await nc.close();
  }
}, 90_000);

/** How many nodes have so many messages of a stream, as each of them says itself: its leader believes it too soon. */
async function copies(nc: NatsConnection, stream: string, messages: number): Promise<number> {
  const question = JSON.stringify({ accounts: true, streams: true });
  const answers = await nc.requestMany('$SYS.REQ.SERVER.PING.JSZ', question, {
    strategy: 'stall',
    stall: 500,
    maxWait: 2_000,
  });
  let count = 0;
  for await (const answer of answers) {
    const { account_details: accounts = [] } = answer.json<{ data: Details }>().data;
    const streams = accounts.flatMap((account) => account.stream_detail ?? []);
    if (streams.find(({ name }) => name === stream)?.state.messages === messages) count += 1;
  }
  return count;
}

type Details = {
  account_details?: { stream_detail?: { name: string; state: { messages: number } }[] }[];
};
