/** `backup`: all that a ledger cannot be made again without, in a folder. */
import { existsSync } from 'node:fs';
import type { ScheduleCopy } from '../../api/temporal/recovery.ts';
import { Audit } from '../../eventlog/audit/audit.ts';
import { logFile, openFolder, seal, writeRest, type RestLine } from '../archive/backup-folder.ts';
import { messagesBeside } from '../archive/beside-log.ts';
import { CannotRun, EXIT, type Command, type Context, type ExitCode, type Input } from '../command.ts';
import { grouped } from '../io/progress.ts';
import { exportToFile } from './export.ts';
import { brokenBy, reportingBrokenExport } from './import.ts';

export const backupCommand: Command = {
  name: 'backup',
  takes: '<folder> [--no-schedules]',
  summary: 'Copies the log, bulks, webhooks and schedules to a folder; again, it adds what is new.',
  help: `The ledger may be in use meanwhile. Every event is checked as "verify" does, those that the folder had
before too, and a broken ledger is not backed up. One that is interrupted leaves the backup before it as it was.
Webhooks are in it with their secrets: keep the folder as you would keep those. docs/backup.md says what a
backup has, and what it does not have.`,
  positionals: [1, 1],
  options: { 'no-schedules': { text: 'leave schedules out, and do not ask Temporal' } },
  run: (input, context) => reportingBrokenExport(context, () => backUp(input, context)),
};

async function backUp(input: Input, context: Context): Promise<ExitCode> {
  const [folder = ''] = input.positionals;
  const { ledger, progress } = context;
  const { nc, reader } = await context.connect();
  // A log that is not there leaves no folder behind.
  await reader.lastPosition();
  const schedules = input.flag('no-schedules') ? [] : await schedulesOf(context);
  await openFolder(folder, ledger);
  const made_at = new Date().toISOString();
  // Before the log: what it speaks of is then in the log that follows.
  const rest = await writeRest(folder, counted(context, restOf(messagesBeside(nc, ledger), schedules)));
  const audit = new Audit({ ledger });
  const file = logFile(folder);
  const { tally, before } = await exportToFile(file, {
    resume: existsSync(file),
    context,
    check(message) {
      const { finding } = audit.add(message);
      if (finding) throw brokenBy(finding);
    },
  });
  const finding = audit.end(tally.position);
  if (finding) throw brokenBy(finding);
  const { position, digest } = tally;
  await seal(folder, { ledger, made_at, position, digest, rest, schedules: !input.flag('no-schedules') });
  progress.clear();
  const added = before === 0 ? '' : `, ${grouped(position - before)} of them new`;
  await context.write(
    `${folder} has ${grouped(position)} events${added}, and ${grouped(rest.lines)} things beside the log. ` +
      `Digest: ${position}:${digest}\n`,
  );
  return EXIT.fine;
}

async function schedulesOf(context: Context): Promise<ScheduleCopy[]> {
  const temporal = await context.connectToTemporal().catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    const advice = 'Schedules are kept there; --no-schedules leaves them out.';
    throw new CannotRun(`${message}\n${advice}`, { cause: error });
  });
  const found: ScheduleCopy[] = [];
  for await (const schedule of temporal.schedules()) found.push(schedule);
  return found;
}

async function* restOf(
  messages: ReturnType<typeof messagesBeside>,
  schedules: readonly ScheduleCopy[],
): AsyncGenerator<RestLine> {
  for await (const message of messages) yield { message };
  for (const schedule of schedules) yield { schedule };
}

async function* counted<Line>({ progress }: Context, lines: AsyncIterable<Line>): AsyncGenerator<Line> {
  let count = 0;
  for await (const line of lines) {
    yield line;
    progress.tell('Copied beside the log', (count += 1));
  }
}
