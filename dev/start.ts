/**
 * `npm start`: the servers, the projector, and the API with its worker, on this machine, until Ctrl-C. With `--watch`
 * (`npm run dev`) the projector, and the API with its worker, start anew when their sources change.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownerUrl } from '../postgres/urls.ts';
import { readConfig, type Config } from '../runtime/config.ts';
import { addresses, httpUrl } from './addresses.ts';
import { messageOf } from './errors.ts';
import { NODE_FLAGS } from './node-flags.ts';
import { restartOnChange } from './restarts.ts';
import { describeExit, runningChildren, startChild, type Child } from './servers/child-process.ts';
import { claimDataDir } from './servers/data-dir.ts';
import { requirePortFree } from './servers/ports.ts';
import { waitUntilServing } from './servers/ready.ts';
import { startNats, startReadModel, startTemporal } from './servers/servers.ts';
import { onStopRequest } from './stop-signals.ts';

const PROJECT = fileURLToPath(new URL('../', import.meta.url));

/** What depends on others ends before them: no request is cut off, and nothing is written to a server that is gone. */
const STOP_ORDER = ['app', 'projector', 'read-model', 'temporal', 'nats'];
const STOP_GRACE_MS = 15_000;

const TITLES: Readonly<Record<string, string>> = {
  app: 'API and worker',
  projector: 'projector',
  'read-model': 'read model',
  temporal: 'Temporal',
  nats: 'NATS',
};

/** What each part starts from. The workflows are bundled by a process of their own, so no import leads to them. */
const ENTRIES = {
  app: ['main.ts', 'workflows/index.ts'],
  projector: ['projector/main.ts'],
} as const;

type PartName = keyof typeof ENTRIES;

type Place = Readonly<{ config: Config; dataDir: string }>;

/** Why it is over. */
type End = Readonly<{ exitCode: number; message: string }>;

/** Runs until it is asked to stop, or something fails. Gives the exit code. */
async function main(): Promise<number> {
  const config = readConfig();
  const dataDir = resolve(PROJECT, config.dataDir);
  let endRestarts: (() => void) | undefined;
  const { exitCode, message } = await new Promise<End>((end) => {
    onStopRequest((times) => {
      if (times > 1) force();
      end({ exitCode: 0, message: 'Stopping; Ctrl-C again to force it.' });
    });
    const watch = async (child: Child) => {
      const ended = await unexpectedEnd(child);
      // What is restarted is watched there.
      if (endRestarts === undefined || !(child.name in ENTRIES)) end(ended);
    };
    const start = async () => {
      await claimDataDir(dataDir, report);
      const parts = await startEverything({ config, dataDir }, (child) => void watch(child));
      if (process.argv.includes('--watch')) endRestarts = restartParts(parts, { config, dataDir });
    };
    start().catch((error: unknown) => end({ exitCode: 1, message: messageOf(error) }));
  });
  endRestarts?.();
  (exitCode === 0 ? console.log : console.error)(`\n${message}\n`);
  await stopEverything();
  return exitCode;
}

async function unexpectedEnd(child: Child): Promise<End> {
  const status = describeExit(await child.exited);
  const log = `The end of ${child.logFile}:\n\n${child.logTail()}`;
  return { exitCode: 1, message: `${title(child)} ended by itself (${status}). ${log}\n\nStopping.` };
}

/**
 * @param watch is handed each process as soon as it is ready, and must care if it ends.
 * @returns the parts that are no servers
 */
async function startEverything(
  { config, dataDir }: Place,
  watch: (child: Child) => void,
): Promise<Record<PartName, Child>> {
  const started = Date.now();
  console.log('Tallybook');
  await requirePortsFree(config);
  const timed = async (start: () => Promise<Child>) => {
    const begun = Date.now();
    const child = await start();
    watch(child);
    tick(title(child), begun);
  };
  const { natsPort, temporalPort, readModelPort, temporalUiPort, outside, ledger } = config;
  const options = { dataDir, progress: report };
  const nats = { ...options, port: natsPort, password: config.natsPassword };
  const temporal = {
    ...options,
    port: temporalPort,
    uiPort: temporalUiPort,
    namespace: config.temporalNamespace,
  };
  await Promise.all([
    outside.nats || timed(async () => await startNats(nats)),
    outside.temporal || timed(async () => await startTemporal(temporal)),
    outside.database || timed(async () => await startReadModel({ ...options, port: readModelPort, ledger })),
  ]);
  const begun = Date.now();
  const projector = await startApp('projector', { config, dataDir });
  watch(projector);
  const app = await startApp('app', { config, dataDir });
  watch(app);
  await waitUntilServing(httpUrl(config), report);
  tick('projector, API and worker', begun);
  console.log(`\nReady after ${seconds(started)}.\n\n${addresses(config, dataDir)}\n`);
  // What they warn of stands in their logs, where nobody looks. Both open the log, so both warn of it.
  for (const warning of new Set([app, projector].flatMap(warningsOf))) console.error(`${warning}\n`);
  return { app, projector };
}

function restartParts(running: Record<PartName, Child>, place: Place): () => void {
  const parts = (['app', 'projector'] as const).map((name) => ({
    title: title(running[name]),
    entries: ENTRIES[name].map((entry) => join(PROJECT, entry)),
    child: running[name],
    launch: () => startApp(name, place),
  }));
  const untilServing = () => waitUntilServing(httpUrl(place.config), report);
  const end = restartOnChange(parts, { project: PROJECT, untilServing, report });
  report('Watching the sources: a part restarts when one of its own changes.\n');
  return end;
}

async function startApp(name: PartName, { config, dataDir }: Place): Promise<Child> {
  return await startChild({
    name,
    command: process.execPath,
    args: [...NODE_FLAGS, join(PROJECT, ENTRIES[name][0])],
    cwd: PROJECT,
    logFile: join(dataDir, 'logs', `${name}.log`),
    env: {
      ...process.env,
      NATS_URL: config.natsUrl,
      TEMPORAL_ADDRESS: config.temporalAddress,
      // The configuration was read before the first start has made the password.
      DATABASE_URL: config.outside.database ? config.databaseUrl : ownerUrl(dataDir, config.readModelPort),
      // The API has the metrics at its own port; the projector must not take this one by inheriting it.
      METRICS_PORT: '',
    },
  });
}

/** The lines that `warn` of `runtime/lifecycle.ts` has written. */
function warningsOf(child: Child): string[] {
  return readFileSync(child.logFile, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('WARNING: '));
}

/** @throws Error that names the first port that is taken, or wanted twice. */
async function requirePortsFree(config: Config): Promise<void> {
  const { outside } = config;
  const wanted = [
    { port: config.port, variable: 'PORT', what: 'HTTP' },
    ...(outside.nats ? [] : [{ port: config.natsPort, variable: 'NATS_PORT', what: 'NATS' }]),
    ...(outside.temporal
      ? []
      : [
          { port: config.temporalPort, variable: 'TEMPORAL_PORT', what: 'Temporal' },
          { port: config.temporalUiPort, variable: 'TEMPORAL_UI_PORT', what: 'Temporal UI' },
        ]),
    ...(outside.database
      ? []
      : [{ port: config.readModelPort, variable: 'READ_MODEL_PORT', what: 'read model' }]),
  ];
  const takers = new Map<number, string>();
  for (const { port, variable, what } of wanted) {
    const taker = takers.get(port);
    if (taker !== undefined)
      throw new Error(`${taker} and ${variable} are both ${port}. Change one of them.`);
    takers.set(port, variable);
    await requirePortFree(port, variable, what);
  }
}

/** Ends all processes in order, those that are still starting included. */
async function stopEverything(): Promise<void> {
  const children = runningChildren().toSorted(
    (left, right) => STOP_ORDER.indexOf(left.name) - STOP_ORDER.indexOf(right.name),
  );
  for (const child of children) {
    const begun = Date.now();
    await child.stop(STOP_GRACE_MS);
    const { signal } = await child.exited;
    tick(`${title(child)} stopped${signal === 'SIGKILL' ? ' (killed)' : ''}`, begun);
  }
}

function force(): never {
  for (const child of runningChildren()) child.kill();
  console.error('Killed everything.');
  process.exit(130);
}

function title(child: Child): string {
  return TITLES[child.name] ?? child.name;
}

function tick(what: string, since: number): void {
  report(`✓ ${what.padEnd(28)} ${seconds(since)}`);
}

function report(line: string): void {
  console.log(`  ${line}`);
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exit(1);
  },
);
