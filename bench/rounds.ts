/** Lets systems take turns: a warm-up, then every row in every round. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Generator } from './generator/generator.ts';
import { ONE_BY_ONE, planRows, type Row } from './plan.ts';
import { cpuSeconds, descendants } from './processes.ts';
import { figureOf, type Figure } from './report/figures.ts';
import { createProgress, nameOf } from './report/progress.ts';
import { median } from './report/quantiles.ts';
import { ACCOUNTS, createTurns, READERS, type Sent, type System, type Turns } from './systems.ts';
import type { Measured, Operation } from './task.ts';
import { takeTurn } from './turn.ts';

export type RoundsOptions = {
  readonly generator: Generator;
  readonly rounds: number;
  readonly seconds: number;
};

export type RoundsFound = {
  readonly figures: readonly Figure[];
  /** How many cores everything together took while nobody was asked for anything. */
  readonly idleCores: number;
  /** What makes the run void: what was not answered as it should be, money that appeared or went. */
  readonly problems: readonly string[];
};

/** For held processes to be themselves again, and for servers to finish with the turn before. */
const SETTLE_MS = 250;
const IDLE_SECONDS = 3;
/** One second each: enough for the code of all systems to be compiled. */
const WARM_UPS = [1, 32, 256];

/** Measures all rows of the systems, and checks each system afterwards. */
export async function takeRounds(systems: readonly System[], options: RoundsOptions): Promise<RoundsFound> {
  const turns = createTurns(systems);
  const counts = createCounts();
  try {
    for (const system of systems) {
      turns.give(system);
      await warmUp(system, { ...options, counts });
    }
    const idleCores = await idle(turns);
    const figures = await measureRows(systems, { ...options, turns, counts });
    const problems = [...counts.problems()];
    for (const system of systems) {
      turns.give(system);
      const { title } = system.plan;
      await system.check(counts.of(system)).then(
        () => console.log(`Checked: ${title}, ${counts.of(system).done.toLocaleString('en')} done`),
        (error: unknown) =>
          problems.push(`${title}: ${error instanceof Error ? error.message : String(error)}`),
      );
    }
    return { figures, idleCores, problems };
  } finally {
    turns.end();
  }
}

type Counts = ReturnType<typeof createCounts>;

/** What each system was asked for, and what was not answered as it should be. */
function createCounts() {
  const counts = new Map<System, Sent>();
  const problems: string[] = [];
  const of = (system: System) => counts.get(system) ?? { done: 0, failed: 0 };
  return {
    of,
    problems: () => problems,
    /** @param what names what was measured; a warm-up has no name, and may fail. */
    add(system: System, { done, failures }: Measured, what?: string): void {
      const failed = Object.values(failures).reduce((sum, one) => sum + one, 0);
      const before = of(system);
      counts.set(system, { done: before.done + done, failed: before.failed + failed });
      for (const [how, count] of Object.entries(failures)) {
        const problem = `${what ?? 'Warm-up'}: ${count} ${count === 1 ? 'request was' : 'requests were'} answered ${how}`;
        console.error(problem);
        if (what !== undefined) problems.push(problem);
      }
    },
  };
}

async function measureRows(
  systems: readonly System[],
  { generator, rounds, seconds, turns, counts }: RoundsOptions & { turns: Turns; counts: Counts },
): Promise<Figure[]> {
  const plans = systems.map(({ plan }) => plan);
  const rows = planRows(plans, { accounts: ACCOUNTS, readers: READERS });
  const results = new Map<Row, Measured[]>(rows.map((row) => [row, []]));
  const progress = createProgress(rows, { rounds, seconds });
  for (let round = 1; round <= rounds; round++) {
    for (const row of rows) {
      const system = systems.find(({ plan }) => plan.name === row.system);
      if (!system) continue;
      progress.begins();
      turns.give(system);
      await sleep(SETTLE_MS);
      const measured = await takeTurn(generator, { row, system, seconds, most: mostOf(system, results) });
      counts.add(system, measured, nameOf(row));
      results.get(row)?.push(measured);
      await system.settle();
      progress.ended(row, measured);
    }
  }
  return rows.map((row) => figureOf(row, results.get(row) ?? []));
}

/** The best of the medians so far, one by one. */
function mostOf({ plan }: System, results: ReadonlyMap<Row, readonly Measured[]>): number {
  const rates = [...results]
    .filter(([row, found]) => row.system === plan.name && ONE_BY_ONE.has(row.pattern) && found.length > 0)
    .map(([, found]) => median(found.map(({ perSecond }) => perSecond)));
  return Math.max(...rates);
}

async function warmUp(
  system: System,
  { generator, seconds, counts }: RoundsOptions & { counts: Counts },
): Promise<void> {
  const operation = warmUpOf(system);
  if (!operation) return;
  const { url, plan } = system;
  console.log(`Warming up: ${plan.title}`);
  for (const clients of WARM_UPS) {
    const loop = { type: 'closed', clients } as const;
    const task = { type: 'load', url, seconds: Math.min(1, seconds), operation, loop } as const;
    counts.add(system, await generator.measure(task));
  }
  await system.settle();
}

function warmUpOf({ plan }: System): Operation | undefined {
  switch (plan.kind) {
    case 'noop':
      return { type: 'noop', start: plan.start };
    case 'tallybook':
    case 'transfers':
      return { type: 'transfer', accounts: ACCOUNTS, pattern: 'uniform' };
    case 'variant':
      return { type: 'transfer', accounts: plan.accounts, pattern: 'uniform' };
    case 'raw':
      return undefined;
  }
}

async function idle(turns: Turns): Promise<number> {
  turns.give();
  await sleep(SETTLE_MS);
  const before = cpuSeconds(descendants());
  await sleep(IDLE_SECONDS * 1_000);
  return (cpuSeconds(descendants()) - before) / IDLE_SECONDS;
}
