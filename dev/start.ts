/** `npm start`: the servers, the projector, and the API with its worker, on this machine, until Ctrl-C. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig, type Config } from '../config.ts';
import { addresses, httpUrl } from './addresses.ts';
import { describeExit, runningChildren, startChild, type Child } from './child-process.ts';
import { claimDataDir } from './data-dir.ts';
import { messageOf } from './errors.ts';
import { NODE_FLAGS } from './node-flags.ts';
import { requirePortFree } from './ports.ts';
import { waitUntilServing } from './ready.ts';
import { startNats, startReadModel, startTemporal } from './servers.ts';
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

/** Why it is over. */
type End = Readonly<{ exitCode: number; message: string }>;

/** Runs until it is asked to stop, or something fails. Gives the exit code. */
async function main(): Promise<number> {
  const config = readConfig();
  const dataDir = resolve(PROJECT, config.dataDir);
  const { exitCode, message } = await new Promise<End>((end) => {
    onStopRequest((times) => {
      if (times > 1) force();
      end({ exitCode: 0, message: 'Stopping; Ctrl-C again to force it.' });
    });
    const watch = (child: Child) => void unexpectedEnd(child).then(end);
    const start = async () => {
      await claimDataDir(dataDir, say);
      await startEverything(config, dataDir, watch);
    };
    start().catch((error: unknown) => end({ exitCode: 1, message: messageOf(error) }));
  });
  (exitCode === 0 ? console.log : console.error)(`\n${message}\n`);
  await stopEverything();
  return exitCode;
}

async function unexpectedEnd(child: Child): Promise<End> {
  const status = describeExit(await child.exited);
  const log = `The end of ${child.logFile}:\n\n${child.logTail()}`;
  return { exitCode: 1, message: `${title(child)} ended by itself (${status}). ${log}\n\nStopping.` };
}

/** @param watch is handed each process as soon as it is ready, and must care if it ends. */
async function startEverything(
  config: Config,
  dataDir: string,
  watch: (child: Child) => void,
): Promise<void> {
  const started = Date.now();
  console.log('Tallybook');
  await requirePortsFree(config);
  const timed = async (start: () => Promise<Child>) => {
    const begun = Date.now();
    const child = await start();
    watch(child);
    tick(title(child), begun);
  };
  const { natsPort, temporalPort, readModelPort, temporalUiPort, outside } = config;
  const options = { dataDir, progress: say };
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
    outside.database || timed(async () => await startReadModel({ ...options, port: readModelPort })),
  ]);
  const begun = Date.now();
  const projector = await startApp('projector', 'projector/main.ts', { config, dataDir });
  watch(projector);
  const app = await startApp('app', 'main.ts', { config, dataDir });
  watch(app);
  await waitUntilServing(httpUrl(config), say);
  tick('projector, API and worker', begun);
  console.log(`\nReady after ${seconds(started)}.\n\n${addresses(config, dataDir)}\n`);
  // What they warn of stands in their logs, where nobody looks. Both open the log, so both warn of it.
  for (const warning of new Set([app, projector].flatMap(warningsOf))) console.error(`${warning}\n`);
}

async function startApp(
  name: string,
  script: string,
  { config, dataDir }: Readonly<{ config: Config; dataDir: string }>,
): Promise<Child> {
  return await startChild({
    name,
    command: process.execPath,
    args: [...NODE_FLAGS, '--import', import.meta.resolve('tsx'), join(PROJECT, script)],
    cwd: PROJECT,
    logFile: join(dataDir, 'logs', `${name}.log`),
    env: {
      ...process.env,
      NATS_URL: config.natsUrl,
      TEMPORAL_ADDRESS: config.temporalAddress,
      DATABASE_URL: config.databaseUrl,
      // The API has the metrics at its own port; the projector must not take this one by inheriting it.
      METRICS_PORT: '',
    },
  });
}

/** The lines that `warn` of `lifecycle.ts` has written. */
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
  say(`✓ ${what.padEnd(28)} ${seconds(since)}`);
}

function say(line: string): void {
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
