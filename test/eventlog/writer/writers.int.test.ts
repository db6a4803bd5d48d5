import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startWriterProcess, type WriterProcess } from '../../../bench/log/writer-processes.ts';
import { openAccounts } from '../../../bench/log/writers.ts';
import { openTestLedger, type TestLedger } from '../../support/ledgers/test-ledger.ts';
import { watchWriters } from '../../support/ledgers/writers.ts';
import { expectTrueLedger, longestGap, readRecords } from '../../support/reference/recorded-load.ts';

/** A process may take this long to write for the first time after its predecessor stopped, on a slow machine. */
const TAKEN_OVER_MS = 4_000;
const CALLERS = 50;

const folder = mkdtempSync(join(tmpdir(), 'tallybook-writers-'));
let processes: WriterProcess[];
beforeAll(async () => {
  processes = await Promise.all([1, 2, 3, 4].map(() => startWriterProcess()));
});
afterAll(async () => {
  await Promise.all(processes.map((process) => process.end()));
  rmSync(folder, { recursive: true, force: true });
});

type Load = { readonly hot: boolean; readonly accounts: number; readonly funds: string };

/** Several processes on one ledger under load; the first one is the active writer. */
async function underLoad(count: number, { hot, accounts, funds }: Load) {
  const natsUrl = inject('servers').natsUrl;
  const log: TestLedger = await openTestLedger();
  const { ledger } = log;
  await openAccounts(natsUrl, ledger, { accounts, funds });
  const heard = watchWriters(log);
  await log.nc.flush();
  const writers = processes.slice(0, count);
  const files = writers.map((_, index) => join(folder, `${ledger}-w${index}`));
  for (const [index, writer] of writers.entries()) {
    await writer.join({ natsUrl, ledger, id: `w${index}`, leased: true, record: files[index] ?? '' });
  }
  for (const [seed, writer] of writers.entries()) writer.load({ accounts, hot, callers: CALLERS, seed });
  return { log, heard, writers, files };
}

const answersOf = (files: readonly string[]) => files.map((file) => readRecords([file]).length);

describe.each([2, 4])('%i processes on the same accounts', (count) => {
  test.each([
    { what: 'few accounts with little money', hot: false, accounts: 10, funds: '50' },
    { what: 'one hot account that runs dry', hot: true, accounts: 50, funds: '5000' },
  ])('$what: each gets on, and nothing is lost, doubled or overspent', async (load) => {
    const { log, heard, writers, files } = await underLoad(count, load);
    await sleep(1_500);
    // On a busy machine it takes longer until somebody is refused for want of money.
    const ends = () => new Set(readRecords(files).map(({ completed }) => completed)).size;
    await expect.poll(ends, { timeout: 20_000, interval: 200 }).toBe(2);
    const counted = await Promise.all(writers.map((writer) => writer.stop()));
    await Promise.all(writers.toReversed().map((writer) => writer.leave()));
    expect(Math.min(...counted.map(({ decided: answered }) => answered))).toBeGreaterThan(0);
    const answers = readRecords(files);
    expect(new Set(answers.map(({ completed }) => completed))).toEqual(new Set([true, false]));
    await expectTrueLedger(log, answers);
    expect(heard[0]).toBe('w0');
    await log.close();
  });
});

describe('the active process under load', () => {
  const LOAD: Load = { hot: true, accounts: 100, funds: '1000000' };

  test('is paused: another takes over, its late batch does no harm, and it forwards afterwards', async () => {
    const { log, heard, writers, files } = await underLoad(4, LOAD);
    await sleep(1_000);
    writers[0]?.signal('SIGSTOP');
    const paused = Date.now();
    await sleep(4_000);
    const resumed = Date.now();
    const [before = 0] = answersOf(files);
    writers[0]?.signal('SIGCONT');
    await expect.poll(() => answersOf(files)[0], { timeout: 10_000 }).toBeGreaterThan(before + 2 * CALLERS);
    await Promise.all(writers.map((writer) => writer.stop()));
    expect(heard[0]).toBe('w0');
    expect(heard.slice(1)).not.toContain('w0');
    await Promise.all(writers.toReversed().map((writer) => writer.leave()));
    const events = await expectTrueLedger(log, readRecords(files));
    const gap = longestGap(
      events.filter(({ time }) => Date.parse(time) < resumed),
      paused,
    );
    console.log(`The active writer was paused: the next event came after ${gap} ms.`);
    expect(gap).toBeLessThan(TAKEN_OVER_MS);
    await log.close();
  });

  test('is killed: another takes over, and nothing is lost or doubled', async () => {
    const { log, heard, writers, files } = await underLoad(4, LOAD);
    await sleep(1_000);
    writers[0]?.signal('SIGKILL');
    const killed = Date.now();
    const before = answersOf(files);
    const rest = writers.slice(1);
    await expect
      .poll(
        () => answersOf(files).every((count, index) => index === 0 || count > before[index]! + 2 * CALLERS),
        {
          timeout: 10_000,
        },
      )
      .toBe(true);
    await Promise.all(rest.map((writer) => writer.stop()));
    await Promise.all(rest.map((writer) => writer.leave()));
    expect(heard[0]).toBe('w0');
    expect(heard[1]).toMatch(/^w[123]$/);
    const gap = longestGap(await expectTrueLedger(log, readRecords(files)), killed);
    console.log(`The active writer was killed: the next event came after ${gap} ms.`);
    expect(gap).toBeLessThan(TAKEN_OVER_MS);
    await log.close();
  });
});
