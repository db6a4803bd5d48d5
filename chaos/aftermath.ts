/** After the last fault: waits until all is quiet, and has everything checked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../cli/command.ts';
import { run } from '../cli/run.ts';
import { LogUnavailable } from '../eventlog/errors.ts';
import { connectToNats } from '../eventlog/nats/connection.ts';
import { createEventReader } from '../eventlog/read/reader.ts';
import type { Load } from './clients/load.ts';
import { describe } from './clients/record.ts';
import { LogFold, type LogFacts } from './oracle/log-facts.ts';
import { judge, type Judgement } from './oracle/oracle.ts';
import { checkWorkflows } from './oracle/workflows-check.ts';
import type { Complaint } from './scenario.ts';
import { LEDGER, positionsOf, type System, type Urls } from './system.ts';

/** How long it may take until every command has its answer, and no workflow is left over. */
const SETTLE_MAX_MS = 120_000;
const WORKFLOWS_MAX_MS = 60_000;
const CATCH_UP_MAX_MS = 60_000;
const REPEATED = 200;
const READINGS_MAX = 5;

/** Waits for quiet, asks again for what is not clear, and judges. The load has ended. */
export async function judgeSystem(
  system: System,
  load: Load,
  { report, lateMs }: { report: (line: string) => void; lateMs: number | undefined },
): Promise<Judgement> {
  const complaints: Complaint[] = [];
  report('waiting until all is ready again');
  await system.ready();
  report('asking again for what has no clear answer');
  const open = await load.settle(SETTLE_MAX_MS);
  for (const command of open.slice(0, 3)) report(`no clear answer:\n${describe(command)}`);
  await load.repeatSome(REPEATED);
  report('looking for workflows that are stuck');
  const { temporal, nats } = system.urls;
  complaints.push(
    ...(await checkWorkflows(temporal, () => readLog(nats), { withinMs: WORKFLOWS_MAX_MS, lateMs })),
  );
  report('comparing the answers with the log');
  const facts = await readLog(nats);
  const judged = judge(load.record, facts);
  complaints.push(...judged.complaints);
  report('verifying log and read model');
  complaints.push(...(await catchUp(system, facts.last)), ...(await verify(system.urls)));
  return { ...judged, complaints };
}

/** The whole log, folded; read again if that breaks off, because a node of a cluster is still coming back. */
export async function readLog(natsUrl: string): Promise<LogFacts> {
  const nc = await connectToNats(natsUrl, 'chaos');
  try {
    for (let attempt = 1; ; attempt += 1) {
      const fold = new LogFold();
      try {
        for await (const events of createEventReader(nc, LEDGER).events())
          events.forEach((event) => fold.add(event));
        return fold;
      } catch (error) {
        if (!(error instanceof LogUnavailable) || attempt === READINGS_MAX) throw error;
      }
    }
  } finally {
    await nc.close();
  }
}

/** The read model shows the end of the log before long. */
async function catchUp(system: System, last: number): Promise<Complaint[]> {
  const deadline = Date.now() + CATCH_UP_MAX_MS;
  let position = 0;
  while (Date.now() < deadline) {
    position = (await positionsOf(system))?.readModel ?? position;
    if (position >= last) return [];
    await sleep(100);
  }
  return [{ check: 'the read model stays behind', found: `it is at ${position}, the log at ${last}` }];
}

/** `ledger verify`, as a person would call it; again, if it could not be run. */
export async function verify(urls: Urls, attempt = 1): Promise<Complaint[]> {
  const printed: string[] = [];
  const lines: string[] = [];
  const settings = { ledger: LEDGER, natsUrl: urls.nats, databaseUrl: urls.database, streamReplicas: 1 };
  const exitCode = await run(['verify', '--json', '--read-model'], () => settings, {
    write: (text) => {
      printed.push(text);
      return Promise.resolve();
    },
    tell: (line) => lines.push(line),
    progress: { tell: () => {}, clear: () => {} },
  });
  if (exitCode === EXIT.fine) return [];
  if (exitCode === EXIT.couldNotRun && attempt < READINGS_MAX) return await verify(urls, attempt + 1);
  return [{ check: 'ledger verify fails', found: [...lines, ...printed].join('\n') }];
}
