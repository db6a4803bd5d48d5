/**
 * `npm run bench`: transfers over HTTP beside the no-op workflow on the same Temporal server, in the same run.
 * The rounds are interleaved, so that both meet the machine in the same moods; medians over the rounds are shown.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../dev/ports.ts';
import { startThrowaway } from '../dev/throwaway.ts';
import { run, type Load, type Measured } from './load.ts';
import { machine } from './machine.ts';
import { readYourWrites } from './read-your-writes.ts';

const ACCOUNTS = 1_000;
const ROUNDS = 3;
const SECONDS = 5;
const WARM_UP_SECONDS = 5;
const FUNDS = 1_000_000n;

/** Who asks: back to back, or with a pause in which the work behind an answer can finish. */
const LOADS = [
  { clients: 1, pauseMs: 0 },
  { clients: 1, pauseMs: 50 },
  { clients: 32, pauseMs: 0 },
  { clients: 256, pauseMs: 0 },
] as const;

/** Clients that read what they have just written. */
const READERS = 64;

type Row = { system: string; clients: number; pauseMs: number; rounds: Measured[] };

const tallybook = await startThrowaway();
const noopPort = await freePort();
const noop = spawn(
  process.execPath,
  ['--import', 'tsx', fileURLToPath(new URL('noop/main.ts', import.meta.url))],
  { env: { ...process.env, ...tallybook.env, PORT: `${noopPort}` }, stdio: 'inherit' },
);
try {
  await untilReady(`http://127.0.0.1:${noopPort}/readyz`);
  const accounts = await openAccounts();
  const systems = { 'Tallybook transfer': transfers(accounts), 'no-op workflow': noops() };
  for (const load of Object.values(systems)) await run({ ...load, clients: 32, seconds: WARM_UP_SECONDS });
  const rows: Row[] = [];
  for (const { clients, pauseMs } of LOADS) {
    const measured = Object.entries(systems).map(([system, load]): [Row, typeof load] => [
      { system, clients, pauseMs, rounds: [] },
      load,
    ]);
    for (let round = 1; round <= ROUNDS; round++) {
      for (const [row, load] of measured) {
        row.rounds.push(await run({ ...load, clients, pauseMs, seconds: SECONDS }));
        console.log(
          `round ${round} of ${ROUNDS}: ${row.system}, ${clients} clients, ${pauseMs} ms between requests`,
        );
      }
    }
    rows.push(...measured.map(([row]) => row));
  }
  const readers = await openAccounts('reader', READERS);
  const reads: Row = { system: 'read your write (the read)', clients: READERS, pauseMs: 0, rounds: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    reads.rounds.push(await readYourWrites({ url: tallybook.url, accounts: readers, seconds: SECONDS }));
    console.log(`round ${round} of ${ROUNDS}: ${reads.system}, ${READERS} clients`);
  }
  rows.push(reads);
  await checkMoney(accounts, rows);
  await report(rows);
} finally {
  noop.kill('SIGTERM');
  await new Promise((resolve) => noop.once('exit', resolve));
  await tallybook.remove();
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await fetch(url).catch(() => undefined))?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} did not get ready`);
}

async function post(path: string, body: object): Promise<void> {
  const answer = await fetch(`${tallybook.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify(body),
  });
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}

async function openAccounts(name = 'bench', count = ACCOUNTS): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${name}-${index}`);
  for (let start = 0; start < ids.length; start += 50) {
    const some = ids.slice(start, start + 50);
    await Promise.all(some.map((id) => post('/v1/accounts', { id, owner: 'bench', currency: 'EUR' })));
    await Promise.all(
      some.map((account) => post('/v1/deposits', { account, amount: `${FUNDS}`, currency: 'EUR' })),
    );
  }
  return ids;
}

/** Uniform over the accounts; every transfer has a key of its own. */
function transfers(ids: readonly string[]): Pick<Load, 'url' | 'next'> {
  return {
    url: `${tallybook.url}/v1/transfers`,
    next: () => {
      const from = Math.floor(Math.random() * ids.length);
      const to = (from + 1 + Math.floor(Math.random() * (ids.length - 1))) % ids.length;
      const body = { source: ids[from], destination: ids[to], amount: '1', currency: 'EUR' };
      return { body: JSON.stringify(body), headers: { 'idempotency-key': randomUUID() } };
    },
  };
}

function noops(): Pick<Load, 'url' | 'next'> {
  return { url: `http://127.0.0.1:${noopPort}/noop`, next: () => ({ body: '{}', headers: {} }) };
}

/** A run in which anything was refused, or money appeared or went, counts for nothing. */
async function checkMoney(ids: readonly string[], rows: readonly Row[]): Promise<void> {
  for (const { system, rounds } of rows) {
    const failures = rounds.flatMap((round) => Object.entries(round.failures));
    if (failures.length > 0)
      throw new Error(`${system} was not answered as it should: ${JSON.stringify(failures)}`);
  }
  const ready = (await (await fetch(`${tallybook.url}/readyz`)).json()) as {
    projector: { last_position: number };
  };
  let sum = 0n;
  for (const id of ids) {
    const url = `${tallybook.url}/v1/accounts/${id}?min_position=${ready.projector.last_position}`;
    const account = (await (await fetch(url)).json()) as { balances: { posted: string } };
    sum += BigInt(account.balances.posted);
  }
  if (sum !== FUNDS * BigInt(ids.length)) throw new Error(`Money is not conserved: ${sum}`);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function report(rows: readonly Row[]): Promise<void> {
  const figures = rows.map(({ system, clients, pauseMs, rounds }) => ({
    system,
    clients,
    pause_ms: pauseMs,
    per_second: Math.round(median(rounds.map(({ perSecond }) => perSecond))),
    per_second_range: [
      Math.round(Math.min(...rounds.map(({ perSecond }) => perSecond))),
      Math.round(Math.max(...rounds.map(({ perSecond }) => perSecond))),
    ],
    p50_ms: Number(median(rounds.map(({ p50 }) => p50)).toFixed(1)),
    p99_ms: Number(median(rounds.map(({ p99 }) => p99)).toFixed(1)),
  }));
  const ratio = (pause: number) => {
    const [transfer, nothing] = figures.filter((f) => f.clients === 1 && f.pause_ms === pause);
    return ((transfer?.p50_ms ?? 0) / (nothing?.p50_ms ?? 0)).toFixed(2);
  };
  const folder = new URL('results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const result = {
    date: new Date().toISOString(),
    machine: machine(),
    rounds: ROUNDS,
    seconds: SECONDS,
    figures,
  };
  await writeFile(new URL('latest.json', folder), `${JSON.stringify(result, null, 2)}\n`);
  const table = [
    '| system | clients | pause ms | per second (range) | p50 ms | p99 ms |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...figures.map(
      (f) =>
        `| ${f.system} | ${f.clients} | ${f.pause_ms} | ${f.per_second} (${f.per_second_range.join('-')}) | ${f.p50_ms} | ${f.p99_ms} |`,
    ),
  ].join('\n');
  await writeFile(new URL('latest.md', folder), `${table}\n`);
  console.log(`\n${table}\n`);
  const { cores, cpu, memory_gib, node } = machine();
  console.log(`${cores} cores (${cpu}), ${memory_gib} GiB, Node ${node}`);
  console.log(`One client: a transfer's median is ${ratio(0)} times the no-op workflow's back to back,`);
  console.log(`and ${ratio(50)} times with 50 ms between requests.`);
  const rate = (system: string) =>
    figures.find((f) => f.system === system && f.clients === 256)?.per_second ?? 0;
  const times = (rate('Tallybook transfer') / rate('no-op workflow')).toFixed(1);
  console.log(`256 clients: ${times} transfers for each no-op workflow.`);
}
