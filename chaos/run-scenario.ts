/** Runs one scenario: starts a system and clients, lets the faults happen, and has what is left judged. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { judgeSystem } from './aftermath.ts';
import { startLoad, type Load } from './clients/load.ts';
import { clearResponse } from './clients/record.ts';
import type { Judgement } from './oracle/oracle.ts';
import type { EndedByItself } from './parts.ts';
import type { Random } from './random.ts';
import type { Complaint, Context, Fault, Injected, Scenario } from './scenario.ts';
import { startSystem, type System } from './system.ts';

export type RunOptions = {
  readonly random: Random;
  readonly seed: number;
  readonly short: boolean;
  readonly minutes: number | undefined;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
};

export type Result = {
  readonly scenario: string;
  readonly faults: readonly Fault[];
  readonly commands: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly doubled: number;
  /** From the end of each fault until the next acknowledgement, in milliseconds. */
  readonly recovery: readonly number[];
  readonly complaints: readonly Complaint[];
  readonly notes: readonly string[];
  readonly seconds: number;
  /** Where the data is, if it was kept. */
  readonly dataDir?: string;
};

/** Of the log of a part that ended by itself. */
const LAST_LINES = 5;
const LAST_WORDS_MAX = 800;

/** Work before the first fault, and after the last one. */
const CALM_MS = 1_500;

/** @throws Error when the system does not start, or the run was aborted; all processes have ended then. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Result> {
  const { report, signal } = options;
  const started = performance.now();
  report('starting');
  const system = await startSystem(scenario.system);
  let keep = true;
  try {
    const { load, injected, judged } = await carryOut(scenario, system, options);
    const complaints = [...(injected.complaints ?? []), ...judged.complaints];
    keep = complaints.length > 0;
    if (keep) await keepRecord(load, system);
    const { commands, acknowledged } = load.figures();
    return {
      scenario: scenario.name,
      faults: injected.faults,
      commands,
      acknowledged,
      lost: judged.lost,
      doubled: judged.doubled,
      recovery: recoveryOf(injected.faults, load),
      complaints,
      notes: [...(injected.notes ?? []), ...notesOf(load, system)],
      seconds: (performance.now() - started) / 1_000,
      ...(keep ? { dataDir: system.dataDir } : {}),
    };
  } catch (error) {
    keep = !signal.aborted;
    if (keep) report(`the data of what went wrong is in ${system.dataDir}`);
    throw error;
  } finally {
    await system.close();
    if (!keep) await system.remove();
  }
}

/** Every command with its answers, a line each: the log alone does not say what clients were told, and when. */
async function keepRecord({ record }: Load, { dataDir }: System): Promise<void> {
  const lines = record.commands.map((command) => `${JSON.stringify(command, textOfAmounts)}\n`);
  await writeFile(join(dataDir, 'record.jsonl'), lines.join(''));
}

/** JSON has no integers of any size. */
function textOfAmounts(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}

type Carried = { readonly load: Load; readonly injected: Injected; readonly judged: Judgement };

async function carryOut(scenario: Scenario, system: System, options: RunOptions): Promise<Carried> {
  const { random, seed, short, minutes, signal, report } = options;
  const factor = scenario.loadFactor ?? 1;
  const load = await startLoad({ url: system.url, random: random.fork('load'), name: `s${seed}`, factor });
  const sleep = async (milliseconds: number) => {
    await sleepFor(milliseconds, undefined, { signal });
  };
  const context: Context = {
    random: random.fork('faults'),
    short,
    minutes,
    signal,
    sleep,
    log: report,
    load,
  };
  try {
    await sleep(CALM_MS);
    const injected = await scenario.inject(system, context);
    await sleep(CALM_MS);
    await load.end();
    if (!scenario.judge)
      return { load, injected, judged: await judgeSystem(system, load, { report, lateMs: scenario.lateMs }) };
    const complaints = await scenario.judge(system, context);
    return { load, injected, judged: { complaints, lost: 0, doubled: 0 } };
  } finally {
    await load.end();
  }
}

/** Time from the end of each fault until somebody was answered. */
function recoveryOf(faults: readonly Fault[], { record }: Load): number[] {
  const answered = record.commands
    .flatMap((command) => clearResponse(command)?.ended ?? [])
    .toSorted((one, other) => one - other);
  return faults.flatMap(({ to }) => {
    const next = answered.find((time) => time >= to);
    return next === undefined ? [] : [next - to];
  });
}

function notesOf(load: Load, { endedByThemselves }: System): string[] {
  const { reads, unclear } = load.figures();
  const unanswered = Object.entries(unclear).map(([what, count]) => `${what} ${count}`);
  return [
    `${reads} reads`,
    ...(unanswered.length > 0 ? [`without a clear answer at first: ${unanswered.join(', ')}`] : []),
    ...endedByThemselves.map(noteOf),
  ];
}

/** What a part said last is all that tells why it ended. */
function noteOf({ part, at, how, lastLines }: EndedByItself): string {
  const lines = lastLines.split('\n').slice(-LAST_LINES).join(' | ').slice(-LAST_WORDS_MAX);
  const said = lines === '' ? 'It had logged nothing' : `Its log ended with: ${lines}`;
  return `${part} ended by itself at ${at.toISOString()} (${how}) and was started again. ${said}`;
}
