/**
 * `npm run bench:log`: the event log beside the bare server, in the same run. Every measurement is a process of its
 * own; those that are compared take turns; medians over the rounds are shown, and ratios are what counts.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../dev/servers/ports.ts';
import { startNats } from '../../dev/servers/servers.ts';
import { connectToNats } from '../../eventlog/nats/connection.ts';
import { openLog } from '../../eventlog/nats/stream.ts';
import { machine } from '../report/machine.ts';
import { median } from '../report/quantiles.ts';
import { markdownTable } from '../report/table.ts';
import { measureLog, type Job } from './measure.ts';
import type { Found, Pattern } from './task.ts';
import { measureWriters, openAccounts, type WritersMeasured } from './writers.ts';

type Row = { readonly name: string; readonly runs: Found[] };

const ROUNDS = 3;
const SECONDS = 3;
const ACCOUNTS = 10_000;
const CALLERS = 2_000;
/** As many transfers as the appender puts into one batch: three messages each, and a batch takes 1,000. */
const BATCH = 333;
const MANY_ACCOUNTS = 1_000_000;
/** With one event for each account this makes two million. */
const MANY_TRANSFERS = 333_334;
const READ = 500_000;

const dataDir = await mkdtemp(join(tmpdir(), 'tallybook-bench-log-'));
const nats = await startNats({ port: await freePort(), dataDir, password: 'bench' });
try {
  await open('small');
  console.log('Appending, and publishing the same messages raw.');
  const load = {
    type: 'append',
    ledger: 'small',
    accounts: ACCOUNTS,
    callers: CALLERS,
    seconds: SECONDS,
  } as const;
  const cases = (['uniform', 'zipf', 'hot source', 'hot destination'] satisfies Pattern[]).map(
    (pattern): [string, Job] => [pattern, { ...load, pattern }],
  );
  const [limit, uniform, zipf, hotSource, hotDestination] = await inTurns([
    ['raw batches', { type: 'publish', ledger: 'small', transfers: BATCH, seconds: SECONDS }],
    ...cases,
  ]);
  console.log('One caller.');
  const [rawAlone, alone] = await inTurns([
    ['raw batch of three', { type: 'publish', ledger: 'small', transfers: 1, seconds: SECONDS }],
    ['one caller', { ...load, pattern: 'uniform', callers: 1 }],
  ]);
  console.log(`Filling a log with two million events, over a million accounts. This takes minutes.`);
  await open('large');
  const filled = await run({
    type: 'fill',
    ledger: 'large',
    accounts: MANY_ACCOUNTS,
    transfers: MANY_TRANSFERS,
  });
  console.log('Reading it back.');
  const [rawRead, read] = await inTurns([
    ['raw ordered consumer', { type: 'read', ledger: 'large', messages: READ, raw: true }],
    ['events', { type: 'read', ledger: 'large', messages: READ, raw: false }],
  ]);
  console.log('Appending to it, and to empty logs.');
  const empty: Row = { name: 'an empty log', runs: [] };
  const large: Row = { name: 'two million events', runs: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    const ledger = `empty${round}`;
    await open(ledger);
    empty.runs.push(await run({ ...load, ledger, pattern: 'uniform' }));
    large.runs.push(await run({ ...load, ledger: 'large', pattern: 'uniform' }));
  }
  console.log('Several worker processes on one ledger.');
  const writers = await measureWriters(nats.url);
  await report({
    limit,
    patterns: [uniform, zipf, hotSource, hotDestination],
    alone: [rawAlone, alone],
    read: [rawRead, read],
    size: [empty, large],
    filled,
    writers,
  });
} finally {
  await nats.stop();
  await rm(dataDir, { recursive: true, force: true });
}

async function open(ledger: string): Promise<void> {
  const nc = await connectToNats(nats.url, 'bench');
  await openLog(nc, { ledger, replicas: 1 });
  await nc.close();
  if (ledger !== 'large') await openAccounts(nats.url, ledger, { accounts: ACCOUNTS });
}

function run(job: Job): Promise<Found> {
  return measureLog(nats.url, job);
}

async function inTurns(jobs: readonly [name: string, job: Job][]): Promise<Row[]> {
  const rows = jobs.map(([name, job]) => ({ name, job, runs: [] as Found[] }));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const { name, job, runs } of rows) {
      const found = await run(job);
      runs.push(found);
      console.log(`  round ${round} of ${ROUNDS}, ${name}: ${Math.round(found.perSecond)} /s`);
    }
  }
  return rows;
}

type Results = {
  limit: Row | undefined;
  patterns: (Row | undefined)[];
  alone: (Row | undefined)[];
  read: (Row | undefined)[];
  size: readonly Row[];
  filled: Found;
  writers: readonly WritersMeasured[];
};

function rate(row: Row | undefined): number {
  return Math.round(median((row?.runs ?? []).map(({ perSecond }) => perSecond)));
}

function latency(row: Row | undefined): number {
  return median((row?.runs ?? []).map(({ p50 }) => p50));
}

async function report(results: Results): Promise<void> {
  const { limit, patterns, alone, read, size, filled, writers } = results;
  const [uniform] = patterns;
  const [empty, large] = size;
  const single = (hot: boolean) =>
    writers.find((w) => w.processes === 1 && w.hot === hot)?.perSecond ?? Number.NaN;
  const heaps = Object.entries(filled.heapByAccounts ?? {});
  const lines: [what: string, figure: string, ratio: number | undefined, target: string][] = [
    ['raw batches of the same messages (the limit)', `${rate(limit)} transfers/s`, undefined, ''],
    ...patterns.map((row, index): (typeof lines)[number] =>
      index === 0
        ? [
            `appender, ${CALLERS} callers, uniform`,
            `${rate(row)} transfers/s`,
            rate(row) / rate(limit),
            '≥ 0.6 of the limit',
          ]
        : [
            `appender, ${row?.name}`,
            `${rate(row)} transfers/s`,
            rate(row) / rate(uniform),
            index === 1 ? 'of uniform' : '≥ 0.8 of uniform',
          ],
    ),
    ['one raw batch of three messages', `${latency(alone[0]).toFixed(2)} ms`, undefined, ''],
    [
      'appender, one caller',
      `${latency(alone[1]).toFixed(2)} ms`,
      latency(alone[1]) / latency(alone[0]),
      '≤ 1.5 of the raw batch',
    ],
    ['raw ordered consumer', `${rate(read[0])} messages/s`, undefined, ''],
    [
      'events read back',
      `${rate(read[1])} messages/s`,
      rate(read[1]) / rate(read[0]),
      '≥ 0.5 of the raw consumer',
    ],
    ['appender on an empty log', `${rate(empty)} transfers/s`, undefined, ''],
    [
      'appender on two million events',
      `${rate(large)} transfers/s`,
      rate(large) / rate(empty),
      '≥ 0.9 of the empty log',
    ],
    [
      '  its memory (resident)',
      `${median(large?.runs.map((r) => r.rssMiB) ?? [])} MiB`,
      median(large?.runs.map((r) => r.rssMiB) ?? []) / median(empty?.runs.map((r) => r.rssMiB) ?? []),
      '≤ 1.2 of the empty log',
    ],
    [
      `heap after ${heaps.map(([n]) => Number(n).toLocaleString('en')).join(' · ')} accounts`,
      `${heaps.map(([, mib]) => mib).join(' · ')} MiB`,
      (heaps.at(-1)?.[1] ?? 0) / (heaps[0]?.[1] ?? 1),
      'flat',
    ],
    ...writers.map((w): (typeof lines)[number] => [
      `${w.processes} ${w.processes === 1 ? 'worker' : 'workers'}${w.leased ? '' : ' without the lease'}, ${w.hot ? 'one hot source' : 'uniform'}`,
      `${w.perSecond} transfers/s`,
      w.processes === 1 ? undefined : w.perSecond / single(w.hot),
      w.processes === 1 ? '' : w.leased && w.processes === 4 ? '≥ 0.7 of one' : 'of one',
    ]),
  ];
  const table = markdownTable(
    [
      { title: 'what' },
      { title: 'figure', align: 'right' },
      { title: 'ratio', align: 'right' },
      { title: 'target' },
    ],
    lines.map(([what, figure, ratio, target]) => [what.trim(), figure, ratio?.toFixed(2), target]),
  );
  const folder = new URL('../results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const result = {
    date: new Date().toISOString(),
    machine: machine(),
    rounds: ROUNDS,
    seconds: SECONDS,
    ...results,
  };
  await writeFile(new URL('log.json', folder), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(new URL('log.md', folder), `${table}\n`);
  console.log(`\n${table}\n`);
  const { cores, cpu, memory_gib, node } = machine();
  console.log(`${cores} cores (${cpu}), ${memory_gib} GiB, Node ${node}, fsync on every append.`);
}
