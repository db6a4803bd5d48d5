/**
 * `npm run bench`: transfers over HTTP, beside what people would use instead, in the same run. The systems take turns in
 * every round, so that all meet the machine in the same moods; medians over the rounds are shown.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { onStopRequest } from '../dev/stop-signals.ts';
import { startThrowaway } from '../dev/throwaway.ts';
import { main } from '../runtime/lifecycle.ts';
import { startGenerator, type Generator } from './generator/generator.ts';
import { startLargeAndSmall } from './large.ts';
import { HELP, isPartial, isWanted, readOptions, requireKnown, type Options } from './options.ts';
import { sampleSystem, SYSTEMS as PEERS } from './peers/systems.ts';
import { LOADS } from './plan.ts';
import { barChart } from './report/bar-chart.ts';
import { latencyChart, throughputChart } from './report/charts.ts';
import type { Figure } from './report/figures.ts';
import { machine } from './report/machine.ts';
import { markdownReport, type Results } from './report/report.ts';
import { targetsOf } from './report/targets.ts';
import { takeRounds, type RoundsFound } from './rounds.ts';
import {
  ACCOUNTS,
  startNoops,
  startPeer,
  startRaw,
  startTallybook,
  variantOf,
  type System,
} from './systems.ts';
import { openAccounts } from './tallybook.ts';

/** Set before anything is started. */
let options: Options;
let generator: Generator;

await main(async () => {
  options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  requireKnown(options.only, [
    'tallybook',
    'noop',
    'sample',
    'raw',
    'peers',
    ...PEERS.map(({ name }) => name),
  ]);
  generator = await startGenerator();
  onStopRequest(() => {
    console.error('Stopping: nothing is written.');
    // What is being measured fails then, and everything is stopped in order.
    void generator.stop();
  });
  try {
    const found = await compare();
    const large = options.large ? await compareSizes() : undefined;
    await report([...found.figures, ...(large?.figures ?? [])], { ...found, memory: large?.memory });
    const problems = [...found.problems, ...(large?.problems ?? [])];
    if (problems.length > 0) throw new Error(`This run is void:\n${problems.join('\n')}`);
  } finally {
    await generator.stop();
  }
});

function wants(...names: string[]): boolean {
  return isWanted(options.only, names);
}

type Found = Omit<RoundsFound, 'idleCores'> & { readonly idleCores: number | null };

async function compare(): Promise<Found> {
  const systems: System[] = [];
  try {
    if (options.uncoalesced || wants('tallybook', 'noop', 'sample', 'raw'))
      await startTemporalSystems(systems);
    for (const peer of PEERS) {
      if (!wants('peers', peer.name)) continue;
      console.log(`Starting: ${peer.title}`);
      systems.push(await startPeer(peer));
    }
    if (systems.length === 0) return { figures: [], idleCores: null, problems: [] };
    // Tallybook may be there for its servers only.
    const measured = systems.filter(({ plan }) => plan.kind !== 'tallybook' || wants('tallybook'));
    return await takeRounds(measured, { ...options, generator });
  } finally {
    await stopAll(systems);
  }
}

/** Those that share Tallybook's servers, Tallybook first. */
async function startTemporalSystems(systems: System[]): Promise<void> {
  console.log('Starting: Tallybook, and what runs on its servers');
  const tallybook = await startTallybook();
  systems.push(tallybook);
  const { throwaway } = tallybook;
  if (wants('noop')) systems.push(...(await startNoops(throwaway)));
  if (wants('sample')) systems.push(await startPeer(sampleSystem(throwaway.env), { slow: true }));
  if (wants('raw')) systems.push(await startRaw(throwaway));
  if (options.uncoalesced) systems.push(await startUncoalesced());
}

async function startUncoalesced(): Promise<System> {
  const throwaway = await startThrowaway({ COALESCING: 'off' });
  await openAccounts(throwaway.url, ACCOUNTS);
  const title = 'Tallybook, a workflow each';
  return variantOf(throwaway, {
    kind: 'variant',
    name: 'uncoalesced',
    title,
    accounts: ACCOUNTS,
    clients: LOADS.slow,
  });
}

async function compareSizes(): Promise<RoundsFound & { memory: NonNullable<Results['memory']> }> {
  const { systems, memory } = await startLargeAndSmall();
  try {
    const found = await takeRounds(systems, { ...options, generator });
    return { ...found, memory: await memory() };
  } finally {
    await stopAll(systems);
  }
}

/** Last first; one that does not stop must not keep the others running. */
async function stopAll(systems: readonly System[]): Promise<void> {
  for (const system of systems.toReversed()) {
    await system.stop().catch((error: unknown) => console.error(`${system.plan.title}:`, error));
  }
}

async function report(
  figures: readonly Figure[],
  { idleCores, memory }: { idleCores: number | null; memory: Results['memory'] | undefined },
): Promise<void> {
  const valid = figures.filter(({ failed = 0 }) => failed === 0);
  const results: Results = {
    date: new Date().toISOString(),
    machine: machine(),
    rounds: options.rounds,
    seconds: options.seconds,
    idle_cores: idleCores === null ? null : Math.round(idleCores * 100) / 100,
    figures,
    targets: targetsOf(valid, memory?.large),
    ...(memory && { memory }),
  };
  const folder = new URL(isPartial(options) ? 'results/partial/' : 'results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const write = (name: string, text: string) => writeFile(new URL(name, folder), text);
  const markdown = markdownReport(results);
  await write('latest.json', `${JSON.stringify(results, null, 2)}\n`);
  await write('latest.md', markdown);
  await write('throughput.svg', barChart(throughputChart(valid)));
  await write('latency.svg', barChart(latencyChart(valid)));
  console.log(`\n${markdown}`);
}
