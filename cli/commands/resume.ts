/** `resume`: starts the workflows of what waits, when Temporal has lost them. */
import type { TemporalRecovery } from '../../api/temporal/recovery.ts';
import { createBulkStore, findBulks } from '../../bulks/store.ts';
import type { BulkManifest } from '../../messages/bulk-jobs.ts';
import { readManifest, readRest } from '../archive/backup-folder.ts';
import { CannotRun, EXIT, type Command, type Context, type ExitCode, type Input } from '../command.ts';
import { grouped } from '../io/progress.ts';
import { reportingBrokenExport } from './import.ts';
import { WaitingScan } from './waiting.ts';

export const resumeCommand: Command = {
  name: 'resume',
  takes: '[backup folder]',
  summary: 'Starts the workflows of what waits in the log, where Temporal has none for it.',
  help: `For when Temporal has lost its data, or workflows were terminated. Transfers that wait, holds that expire and
bulks that are not done are looked for in the log, and a workflow is started for each that has none. The log decides
every step, so nothing is done twice. With the folder of a backup its schedules are made again too, unless they are
there; what came due meanwhile is not made up for.`,
  positionals: [0, 1],
  options: {},
  run: (input, context) => reportingBrokenExport(context, () => resume(input, context)),
};

/** Requests to Temporal on their way at a time. */
const AT_ONCE = 20;

async function resume(input: Input, context: Context): Promise<ExitCode> {
  const [folder] = input.positionals;
  const temporal = await context.connectToTemporal();
  if (folder !== undefined) await putSchedules(folder, { context, temporal });
  await resumeWaiting(context, temporal);
  return EXIT.fine;
}

/** Looks for what waits, and starts a workflow for each that has none. */
export async function resumeWaiting(context: Context, temporal: TemporalRecovery): Promise<void> {
  const { nc, reader } = await context.connect();
  const waiting = new WaitingScan();
  const last = await reader.lastPosition();
  for await (const events of reader.events({ to: last })) {
    for (const event of events) waiting.add(event);
    context.progress.tell('Read', events.at(-1)?.position ?? 0, last);
  }
  const requests = waiting.requests();
  const resumed = await startAll(context, requests, temporal.resume);
  const store = createBulkStore(nc, context.ledger);
  const open: BulkManifest[] = [];
  for (const id of await findBulks(nc, context.ledger)) {
    const manifest = await store.manifest(id);
    if (manifest && (await store.results(id, manifest.chunks.length - 1)) === undefined) open.push(manifest);
  }
  const bulks = await startAll(context, open, ({ id, chunks }) =>
    temporal.resumeBulk({ id, chunks: chunks.length }),
  );
  context.progress.clear();
  await context.write(
    `${grouped(requests.length)} transfers and holds wait: ${grouped(resumed)} workflows were started, ` +
      `${grouped(requests.length - resumed)} were running.\n` +
      `${grouped(open.length)} bulks are not done: ${grouped(bulks)} workflows were started.\n`,
  );
}

/** @returns how many were started */
async function startAll<Thing>(
  { progress }: Context,
  things: readonly Thing[],
  start: (thing: Thing) => Promise<boolean>,
): Promise<number> {
  let started = 0;
  for (let from = 0; from < things.length; from += AT_ONCE) {
    const some = await Promise.all(things.slice(from, from + AT_ONCE).map(start));
    started += some.filter(Boolean).length;
    progress.tell('Resumed', from + some.length, things.length);
  }
  return started;
}

/** Makes a backup's schedules again. */
export async function putSchedules(
  folder: string,
  { context, temporal }: { context: Context; temporal: TemporalRecovery },
): Promise<void> {
  const manifest = await readManifest(folder);
  if (manifest.ledger !== context.ledger) {
    throw new CannotRun(
      `${folder} is a backup of the ledger "${manifest.ledger}", not of "${context.ledger}".`,
    );
  }
  let [made, there] = [0, 0];
  for await (const line of readRest(folder, manifest)) {
    if (!('schedule' in line)) continue;
    if (await temporal.putSchedule(line.schedule)) made += 1;
    else there += 1;
  }
  context.progress.clear();
  const none = manifest.schedules ? '' : ' The backup was made with --no-schedules.';
  await context.write(`${grouped(made)} schedules were made, ${grouped(there)} were there.${none}\n`);
}
