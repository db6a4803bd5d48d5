/** `npm run chaos`: breaks things, and checks that the ledger is whole. */
import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { machine } from '../bench/report/machine.ts';
import { messageOf } from '../dev/errors.ts';
import { runningChildren } from '../dev/servers/child-process.ts';
import { onStopRequest } from '../dev/stop-signals.ts';
import { parse, WrongUsage, type Arguments } from './command-line.ts';
import { createRandom } from './random.ts';
import { documentOf, failureOf, tableOf } from './report.ts';
import { runScenario, type Result } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const STOP_GRACE_MS = 10_000;

const EXIT = { holds: 0, fails: 1, wrongUsage: 2 } as const;

async function main(): Promise<number> {
  const asked = parse(process.argv.slice(2), SCENARIOS);
  if ('text' in asked) {
    console.log(asked.text);
    return EXIT.holds;
  }
  const stop = new AbortController();
  onStopRequest((times) => {
    if (times > 1) force();
    console.error('\nStopping; Ctrl-C again to force it.');
    stop.abort();
  });
  const results = await Promise.race([runAll(asked, stop.signal), stopped(stop.signal)]);
  if (results.length > 0) console.log(`\n${tableOf(results)}\n`);
  if (stop.signal.aborted) return EXIT.fails;
  const complete = results.length === asked.scenarios.length;
  // What is one scenario's, or was cut short, must not stand in the place of a whole run.
  if (complete && asked.scenarios.length === SCENARIOS.length && !asked.short)
    await keep(results, asked.seed);
  return complete && results.every(({ complaints }) => complaints.length === 0) ? EXIT.holds : EXIT.fails;
}

async function runAll(asked: Arguments, signal: AbortSignal): Promise<Result[]> {
  const { scenarios, seed, short, minutes } = asked;
  console.log(`Seed ${seed}, ${scenarios.length} scenarios.`);
  const results: Result[] = [];
  for (const scenario of scenarios) {
    if (signal.aborted) break;
    const random = createRandom(seed).fork(scenario.name);
    const report = reporterFor(scenario);
    try {
      const result = await runScenario(scenario, { random, seed, short, minutes, signal, report });
      results.push(result);
      report(`${result.commands} commands, ${result.acknowledged} acknowledged`);
      for (const note of result.notes) report(note);
      if (result.complaints.length > 0) console.error(`\n${failureOf(result, seed)}\n`);
      else report(`holds (${Math.round(result.seconds)} s)`);
    } catch (error) {
      if (signal.aborted) break;
      console.error(`\n${scenario.name} could not be run with the seed ${seed}: ${messageOf(error)}\n`);
    }
  }
  return results;
}

/** What was under way ends by itself; what does not, such as a system that is starting, is ended here. */
async function stopped(signal: AbortSignal): Promise<never[]> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await sleep(STOP_GRACE_MS);
  await Promise.all(runningChildren().map((child) => child.stop()));
  return [];
}

function reporterFor({ name }: Scenario): (line: string) => void {
  const started = Date.now();
  return (line) => {
    const seconds = ((Date.now() - started) / 1_000).toFixed(1).padStart(6);
    console.log(`${name} ${seconds} s  ${line}`);
  };
}

async function keep(results: readonly Result[], seed: number): Promise<void> {
  const folder = new URL('results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const { cores, cpu, memory_gib, node } = machine();
  const proves = new Map(SCENARIOS.map((scenario) => [scenario.name, scenario.proves]));
  const described = `${cores} cores (${cpu}), ${memory_gib} GiB, Node ${node}`;
  await writeFile(new URL('latest.md', folder), documentOf(results, { seed, machine: described, proves }));
}

function force(): never {
  for (const child of runningChildren()) child.kill();
  process.exit(130);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exit(error instanceof WrongUsage ? EXIT.wrongUsage : EXIT.fails);
  },
);
