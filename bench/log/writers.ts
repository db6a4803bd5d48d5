/**
 * What several worker processes on one ledger achieve together: one, two and four of them with the lease, and four
 * optimistic ones for comparison; uniform over many accounts, and with one hot source.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAppender } from '../../eventlog/append/appender.ts';
import { connectToNats } from '../../eventlog/nats/connection.ts';
import { openLog } from '../../eventlog/nats/stream.ts';
import { createEventReader } from '../../eventlog/read/reader.ts';
import type { CommandRequest } from '../../messages/commands.ts';
import { startWriterProcess, type WriterProcess } from './writer-processes.ts';
import { accountName, type Counted } from './writer-protocol.ts';

export type WritersMeasured = {
  readonly processes: number;
  readonly leased: boolean;
  readonly hot: boolean;
  /** Transfers that were answered, of all processes together: the median of the rounds. */
  readonly perSecond: number;
  /** The lowest and the highest of the rounds. */
  readonly range: readonly [number, number];
  /** How often a command had to be asked again, in all rounds. */
  readonly retries: number;
  /** What each process computed for one answered transfer of all of them, in microseconds; the active one first. */
  readonly cpuMicros: readonly number[];
};

export type WritersOptions = {
  readonly seconds?: number;
  readonly accounts?: number;
  /** In each process; each asks again as soon as it is answered. */
  readonly callers?: number;
  /** The cases take turns, so that all meet the machine in the same moods. */
  readonly rounds?: number;
};

const FUNDS = '1000000000';
const WARM_UP_MS = 1_500;
const CASES = [
  { processes: 1, leased: true },
  { processes: 2, leased: true },
  { processes: 4, leased: true },
  { processes: 4, leased: false },
] as const;

/** Measures on ledgers of their own on the NATS server at `natsUrl`. */
export async function measureWriters(
  natsUrl: string,
  { seconds = 4, accounts = 10_000, callers = 1_000, rounds = 1 }: WritersOptions = {},
): Promise<WritersMeasured[]> {
  const writers = await Promise.all([1, 2, 3, 4].map(() => startWriterProcess()));
  const cases = [false, true].flatMap((hot) =>
    CASES.map((one) => ({ ...one, hot, runs: [] as Counted[][] })),
  );
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const { processes, leased, hot, runs } of cases) {
        const some = writers.slice(0, processes);
        runs.push(await run(some, { natsUrl, leased, hot, seconds, accounts, callers }));
      }
    }
  } finally {
    await Promise.all(writers.map((writer) => writer.end()));
  }
  return cases.map(({ runs, ...which }) => ({ ...which, ...summary(runs) }));
}

function summary(
  runs: readonly Counted[][],
): Pick<WritersMeasured, 'perSecond' | 'range' | 'retries' | 'cpuMicros'> {
  const rates = runs
    .map((counted) =>
      counted.reduce((sum, { decided: answered, elapsedMs }) => sum + answered / (elapsedMs / 1_000), 0),
    )
    .map(Math.round)
    .toSorted((a, b) => a - b);
  const all = runs.flat();
  const answered = all.reduce((sum, one) => sum + one.decided, 0);
  const cpuMicros = (runs[0] ?? []).map((_, index) => {
    const cpuMs = runs.reduce((sum, counted) => sum + (counted[index]?.cpuMs ?? 0), 0);
    return Math.round((cpuMs * 1_000) / answered);
  });
  return {
    perSecond: rates[Math.floor(rates.length / 2)] ?? 0,
    range: [rates[0] ?? 0, rates.at(-1) ?? 0],
    retries: all.reduce((sum, { retries }) => sum + retries, 0),
    cpuMicros,
  };
}

type Run = Required<Omit<WritersOptions, 'rounds'>> & { natsUrl: string; leased: boolean; hot: boolean };

async function run(writers: readonly WriterProcess[], options: Run): Promise<Counted[]> {
  const { natsUrl, leased, seconds, ...load } = options;
  const ledger = `bench-${randomUUID().slice(0, 8)}`;
  await openAccounts(natsUrl, ledger, options);
  // One after the other: the first one has the lease.
  for (const [index, writer] of writers.entries()) {
    await writer.join({ natsUrl, ledger, id: `w${index}`, leased });
  }
  for (const [seed, writer] of writers.entries()) writer.load({ ...load, seed });
  await sleep(WARM_UP_MS);
  for (const writer of writers) writer.mark();
  await sleep(seconds * 1_000);
  const counted = await Promise.all(writers.map((writer) => writer.stop()));
  await Promise.all(writers.map((writer) => writer.leave()));
  return counted;
}

/** Opens the accounts of a load, with funds for all of it. */
export async function openAccounts(
  natsUrl: string,
  ledger: string,
  { accounts, funds = FUNDS }: { accounts: number; funds?: string },
): Promise<void> {
  const nc = await connectToNats(natsUrl, 'bench');
  await openLog(nc, { ledger, replicas: 1 });
  const appender = createAppender(nc, createEventReader(nc, ledger), { ledger, clock: () => new Date() });
  const common = { currency: 'EUR', actor: 'bench', requested_at: new Date().toISOString() };
  const submit = (request: CommandRequest) => appender.submit({ request, workflowId: `bench/${request.id}` });
  for (let start = 0; start < accounts; start += 1_000) {
    const names = Array.from({ length: Math.min(1_000, accounts - start) }, (_, index) =>
      accountName(start + index),
    );
    await Promise.all(
      names.flatMap((id) => {
        const ids = { command_id: `open-${id}`, fingerprint: `open-${id}` };
        const given = { id: `funds-${id}`, source: 'world_EUR', destination: id, amount: funds };
        return [
          submit({ type: 'account.create', id, owner: id, overdraft_limit: '0', ...common, ...ids }),
          submit({
            type: 'transfer',
            kind: 'deposit',
            ...common,
            ...ids,
            ...given,
            command_id: `funds-${id}`,
          }),
        ];
      }),
    );
  }
  await appender.close();
  await nc.close();
}
