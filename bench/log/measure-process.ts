/** One measurement in a process of its own, so that none inherits another's memory. The task comes as an argument. */
import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import { streamName } from '../../contracts/subjects.ts';
import { createAppender, type Appender } from '../../eventlog/append/appender.ts';
import { publishAtomically } from '../../eventlog/append/batch.ts';
import { interpret, planBatch } from '../../eventlog/append/plan.ts';
import { NO_EVENTS, type AccountTip } from '../../eventlog/append/tips.ts';
import { LogUnavailable } from '../../eventlog/errors.ts';
import { connectToNats } from '../../eventlog/nats/connection.ts';
import { createEventReader } from '../../eventlog/read/reader.ts';
import type { MovementRequest } from '../../messages/commands.ts';
import { quantiles } from '../report/quantiles.ts';
import { choose } from './patterns.ts';
import type { Found, Task } from './task.ts';
import { accountName } from './writer-protocol.ts';

/** Long enough for the code of a new process to be compiled. */
const WARM_UP_MS = 2_000;

const ATTEMPTS = 10;

const task = JSON.parse(process.argv[2] ?? '') as Task;
const nc = await connectToNats(task.natsUrl, 'bench');
const found = await carryOut();
await nc.close();
process.send?.(found, () => process.exit());

function carryOut(): Promise<Found> {
  switch (task.type) {
    case 'append':
      return append(task);
    case 'publish':
      return publish(task);
    case 'fill':
      return fill(task);
    case 'read':
      return read(task);
  }
}

/** Calls again and again after a warm-up; each caller as soon as it is answered. */
async function measure(
  { callers, seconds }: { callers: number; seconds: number },
  call: () => Promise<number>,
): Promise<Found> {
  const latencies: number[] = [];
  let done = 0;
  const begin = performance.now() + WARM_UP_MS;
  const end = begin + seconds * 1_000;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let before = performance.now(); before < end; before = performance.now()) {
        const count = await call();
        const after = performance.now();
        if (before < begin || after > end) continue;
        latencies.push(after - before);
        done += count;
      }
    }),
  );
  return { perSecond: done / seconds, ...quantiles(latencies), ...memory() };
}

function memory(): Pick<Found, 'heapMiB' | 'rssMiB'> {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapMiB: Math.round(heapUsed / 2 ** 20), rssMiB: Math.round(rss / 2 ** 20) };
}

function openAppender(): Appender {
  const { ledger } = task;
  return createAppender(nc, createEventReader(nc, ledger), { ledger, clock: () => new Date() });
}

function transfer(source: string, destination: string): MovementRequest {
  const id = randomUUID();
  return {
    type: 'transfer',
    kind: 'transfer',
    id,
    source,
    destination,
    amount: '1',
    currency: 'EUR',
    command_id: id,
    fingerprint: id.padEnd(64, '-'),
    idempotency_key: id.padEnd(64, '-'),
    requested_at: new Date().toISOString(),
    actor: 'bench',
  };
}

async function pay(appender: Appender, request: MovementRequest): Promise<void> {
  const outcome = await appender.submit({ request, workflowId: `transfer/${request.id}` });
  if (outcome.type !== 'transfer' || outcome.transfer.status !== 'posted') {
    throw new Error(`A transfer was not posted: ${JSON.stringify(outcome)}`);
  }
}

async function append(options: Extract<Task, { type: 'append' }>): Promise<Found> {
  const appender = openAppender();
  // What is measured is the appending, not the first reading of every account.
  await Promise.all(
    Array.from({ length: options.accounts }, (_, index) =>
      pay(appender, transfer(accountName(index), accountName((index + 1) % options.accounts))),
    ),
  );
  const pick = choose(options.pattern, options.accounts);
  return await measure(options, async () => {
    const [source, destination] = pick();
    await pay(appender, transfer(accountName(source), accountName(destination)));
    return 1;
  });
}

/** An account with enough for any number of transfers. */
function rich(id: string): AccountTip {
  const holdings = { currency: 'EUR', posted: 1_000_000_000n, held: 0n, overdraftLimit: 0n };
  return { ...NO_EVENTS, state: { id, status: 'open', ...holdings } };
}

/** A transfer of one step asks for no other transfer, and for no hold. */
function unknown(id: string): never {
  throw new Error(`${id} is not asked for`);
}

async function publish({ transfers, seconds, ledger }: Extract<Task, { type: 'publish' }>): Promise<Found> {
  const pick = choose('uniform', 10_000);
  const batches = Array.from({ length: 20 }, () => {
    const submissions = Array.from({ length: transfers }, () => {
      const [source, destination] = pick();
      // Accounts of their own: those of the appender keep their chains.
      const request = transfer(`raw-${source}`, `raw-${destination}`);
      return { request, workflowId: `transfer/${request.id}`, ...interpret(request), since: 0 };
    });
    const { messages } = planBatch(submissions, {
      ledger,
      now: new Date().toISOString(),
      after: 0,
      tips: { account: rich, transfer: unknown, hold: unknown },
    });
    return messages.map(({ subject, headers, payload }) => ({ subject, headers, payload }));
  });
  let next = 0;
  return await measure({ callers: 1, seconds }, async () => {
    const batch = batches[next++ % batches.length] ?? [];
    const result = await publishAtomically(nc, batch, { batchId: randomUUID(), timeoutMs: 5_000 });
    if (result.type !== 'stored') throw new Error(result.detail);
    return transfers;
  });
}

async function fill({ accounts, transfers }: Extract<Task, { type: 'fill' }>): Promise<Found> {
  const appender = openAppender();
  const started = performance.now();
  const heapByAccounts: Record<number, number> = {};
  const inTurns = async (count: number, work: (index: number) => Promise<unknown>) => {
    for (let start = 0; start < count; start += 5_000) {
      const length = Math.min(5_000, count - start);
      await Promise.all(Array.from({ length }, (_, index) => persistently(() => work(start + index))));
      const opened = start + length;
      if (work === open && [0.1, 0.25, 0.5, 1].includes(opened / accounts)) {
        heapByAccounts[opened] = memory().heapMiB;
      }
    }
  };
  const requested_at = new Date().toISOString();
  const open = (index: number) => {
    const id = accountName(index);
    const meta = { command_id: `open-${id}`, fingerprint: `open-${id}`, requested_at, actor: 'bench' };
    const limit = { overdraft_limit: '1000000' };
    return appender.submit({
      request: { type: 'account.create', id, owner: id, currency: 'EUR', ...limit, ...meta },
      workflowId: `account/${id}`,
    });
  };
  await inTurns(accounts, open);
  await inTurns(transfers, (index) =>
    pay(appender, transfer(accountName((index * 3) % accounts), accountName((index * 3 + 1) % accounts))),
  );
  const perSecond = (accounts + transfers) / ((performance.now() - started) / 1_000);
  return { perSecond, p50: Number.NaN, p99: Number.NaN, ...memory(), heapByAccounts };
}

/** What fills is not measured for its latency: what the log did not take in time is asked again. */
async function persistently(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof LogUnavailable) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function read({ ledger, messages, raw }: Extract<Task, { type: 'read' }>): Promise<Found> {
  const started = performance.now();
  let count = 0;
  if (raw) {
    const consumer = await jetstream(nc).consumers.get(streamName(ledger), {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: 1,
    });
    const delivered = await consumer.consume({ max_messages: 5_000 });
    for await (const message of delivered) {
      if (message.data.length > 0) count += 1;
      if (count === messages) break;
    }
    await delivered.close();
  } else {
    for await (const events of createEventReader(nc, ledger).events({ to: messages })) count += events.length;
  }
  const perSecond = count / ((performance.now() - started) / 1_000);
  return { perSecond, p50: Number.NaN, p99: Number.NaN, ...memory() };
}
