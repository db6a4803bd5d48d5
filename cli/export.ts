/** `export`: the whole log as lines of JSON. */
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import {
  CannotRun,
  EXIT,
  WrongUsage,
  type Command,
  type Context,
  type ExitCode,
  type Input,
} from './command.ts';
import { BrokenExport, eventLine, firstLine, lastLine, Tally } from './export-format.ts';
import { ExportReader } from './export-reader.ts';
import { linesOf } from './lines.ts';
import { grouped } from './progress.ts';

export const exportCommand: Command = {
  name: 'export',
  takes: '[file] [--resume]',
  summary: 'Writes the log as NDJSON, one line for each event, to a file or to the standard output.',
  help: `Each line has the event's position, subject, headers and data, and a checksum that continues the one of the
line before; the last line counts them and has the digest that "verify" prints. It ends where the log ends when the
export begins. docs/cli.md describes the format; "import" reads it.`,
  positionals: [0, 1],
  options: {
    resume: {
      text: 'go on in a file that was not finished, or that the log has outgrown;\na torn last line is dropped',
    },
  },
  run: exportLog,
};

/** Where lines go. */
type Sink = (text: string) => Promise<void>;

async function exportLog(input: Input, context: Context): Promise<ExitCode> {
  const [file = '-'] = input.positionals;
  const resume = input.flag('resume');
  if (file === '-' && resume) throw new WrongUsage('Only an export to a file can be resumed.');
  try {
    if (file === '-') await writeAll(context, new Tally(), context.write);
    else await toFile(file, { resume, context });
    return EXIT.fine;
  } catch (error) {
    if (!(error instanceof BrokenExport)) throw error;
    context.progress.clear();
    context.tell(error.message);
    return EXIT.broken;
  }
}

async function toFile(
  file: string,
  { resume, context }: { resume: boolean; context: Context },
): Promise<void> {
  const { reader } = await context.connect();
  // A log that is not there leaves no file behind.
  await reader.lastPosition();
  const handle = await openFile(file, resume);
  try {
    const tally = resume ? await goOn(file, handle, context) : new Tally();
    const before = tally.position;
    await writeAll(context, tally, async (text) => handle.appendFile(text));
    await handle.sync();
    context.progress.clear();
    const { position, digest } = tally;
    const added = before === 0 ? '' : `, ${grouped(position - before)} of them new`;
    context.tell(`${file} has ${grouped(position)} events${added}. Digest: ${position}:${digest}`);
  } finally {
    await handle.close();
  }
}

async function openFile(file: string, resume: boolean): Promise<FileHandle> {
  try {
    // To append: what is written comes after what is there, wherever that is cut off.
    return await open(file, resume ? 'a' : 'ax');
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const why = exists ? 'is there already; --resume goes on in it' : `cannot be written: ${String(error)}`;
    throw new CannotRun(`${file} ${why}.`, { cause: error });
  }
}

/** Reads what is there, and cuts off what comes after the last whole event. */
async function goOn(file: string, handle: FileHandle, context: Context): Promise<Tally> {
  const found = new ExportReader();
  let whole = 0;
  for await (const lines of linesOf(createReadStream(file))) {
    for (const { text, end } of lines) {
      if (end === undefined) continue;
      found.read(text);
      if (!found.ended) whole = end;
    }
    context.progress.tell('Read', found.tally.position);
  }
  if (found.ledger !== undefined && found.ledger !== context.ledger) {
    throw new CannotRun(`${file} is of the ledger "${found.ledger}", not of "${context.ledger}".`);
  }
  await requireSameLog(found.tally, context);
  await handle.truncate(whole);
  return found.tally;
}

/** To compare all of it the whole log would have to be read again; its last event will do. */
async function requireSameLog({ position, hash }: Tally, context: Context): Promise<void> {
  if (position === 0) return;
  const { reader } = await context.connect();
  for await (const [message] of reader.messages({ after: position - 1, to: position })) {
    if (message?.seq === position && message.headers.get('ce-hash') === hash) return;
  }
  throw new BrokenExport(
    `The export has another event at position ${position} than the log: it is of another log.`,
  );
}

/** Writes what is not written yet. */
async function writeAll(context: Context, tally: Tally, write: Sink): Promise<void> {
  const { reader } = await context.connect();
  const to = await reader.lastPosition();
  if (!tally.begun) await write(firstLine(tally, context.ledger));
  for await (const messages of to > tally.position ? reader.messages({ after: tally.position, to }) : []) {
    await write(messages.map((message) => eventLine(tally, message)).join(''));
    context.progress.tell('Exported', tally.position, to);
  }
  await write(lastLine(tally));
}
