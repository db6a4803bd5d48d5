/** `restore`: makes an empty ledger equal to a backup, and has what waits in it go on. */
import { logFile, readManifest, readRest, type Manifest } from '../archive/backup-folder.ts';
import { bulkOf, createBesideWriter, hasBeside } from '../archive/beside-log.ts';
import { CannotRun, EXIT, type Command, type Context, type ExitCode, type Input } from '../command.ts';
import { grouped } from '../io/progress.ts';
import { findReadModel } from '../verify/read-model.ts';
import { importFile, report, reportingBrokenExport } from './import.ts';
import { putSchedules, resumeWaiting } from './resume.ts';

export const restoreCommand: Command = {
  name: 'restore',
  takes: '<folder> [--no-resume]',
  summary: 'Makes an empty ledger equal to a backup, verifies it, and has what waits in it go on.',
  help: `Same events, positions and hashes. The ledger (LEDGER) must have the name that it had, and be empty; start it
before ("npm start" with an empty data folder). The folder is checked from end to end before anything is written.
Interrupted, it is run again and goes on. Then the workflows of transfers, holds and bulks that wait are started,
and schedules made again, as "resume" does.`,
  positionals: [1, 1],
  options: { 'no-resume': { text: 'do not ask Temporal; "resume" does the rest later' } },
  run: (input, context) => reportingBrokenExport(context, () => restore(input, context)),
};

async function restore(input: Input, context: Context): Promise<ExitCode> {
  const [folder = ''] = input.positionals;
  const { ledger } = context;
  const manifest = await readManifest(folder);
  if (manifest.ledger !== ledger) {
    throw new CannotRun(
      `The backup is of the ledger "${manifest.ledger}", and this one is "${ledger}". Names are part of subjects and ` +
        `hashes, so it can only be restored under its own: LEDGER=${manifest.ledger}.`,
    );
  }
  const bulks = await bulksIn(folder, manifest);
  const temporal = input.flag('no-resume') ? undefined : await context.connectToTemporal();
  await requireEmpty(context, manifest);
  await requireReadModel(context, manifest);
  const imported = await importFile(logFile(folder), context, manifest);
  const copied = await putBeside({ folder, manifest, bulks }, context);
  context.progress.clear();
  await context.write(
    `${report(imported, context)}${grouped(copied)} messages beside the log are there again.\n`,
  );
  if (!temporal) {
    context.tell(
      `What waits has no workflows yet. When Temporal is there: npm run ledger -- resume ${folder}`,
    );
    return EXIT.fine;
  }
  await putSchedules(folder, { context, temporal });
  await resumeWaiting(context, temporal);
  return EXIT.fine;
}

/** With events in it, it may be one whose restoring was interrupted: the import looks at them. */
async function requireEmpty({ connect, ledger }: Context, { position }: Manifest): Promise<void> {
  const { nc, reader } = await connect();
  const last = await reader.lastPosition().catch(() => 0);
  if (last > position)
    throw new CannotRun(`The ledger "${ledger}" is not empty: it has ${grouped(last)} events.`);
  if (last > 0 || !(await hasBeside(nc, ledger))) return;
  throw new CannotRun(`The ledger "${ledger}" is not empty: it has bulks or webhooks.`);
}

/** One that is further on is of a log that is lost, and what the new log says there would never be read. */
async function requireReadModel(context: Context, { position }: Manifest): Promise<void> {
  const readModel = await findReadModel(context, 'if there');
  try {
    const readModelPosition = await readModel.position();
    if (readModelPosition === Number.POSITIVE_INFINITY || readModelPosition <= position) return;
    throw new CannotRun(
      `The read model is at position ${grouped(readModelPosition)}, and the backup ends at ${grouped(position)}. Stop the projector, ` +
        `and drop the schema of the ledger "${context.ledger}" in that database: it is made anew from the log.`,
    );
  } finally {
    await readModel.end();
  }
}

/** The bulks that the backup has whole: one may have been on its way when the backup was made. Checks the file. */
async function bulksIn(folder: string, manifest: Manifest): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const line of readRest(folder, manifest)) {
    const bulk = 'message' in line ? bulkOf(line.message) : undefined;
    if (bulk?.manifest) ids.add(bulk.id);
  }
  return ids;
}

async function putBeside(
  { folder, manifest, bulks }: { folder: string; manifest: Manifest; bulks: ReadonlySet<string> },
  context: Context,
): Promise<number> {
  const { nc } = await context.connect();
  const writer = await createBesideWriter(context, nc);
  let count = 0;
  for await (const line of readRest(folder, manifest)) {
    if (!('message' in line)) continue;
    const bulk = bulkOf(line.message);
    if (bulk && !bulks.has(bulk.id)) continue;
    await writer.add(line.message);
    context.progress.tell('Restored beside the log', (count += 1), manifest.rest.lines);
  }
  await writer.end();
  return count;
}
