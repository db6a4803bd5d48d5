/** `export`: the whole log as lines of JSON. */
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import { batchOf, type StoredMessage } from '../../eventlog/wire/codec.ts';
import { BrokenExport, eventLine, firstLine, lastLine, Tally } from '../archive/export-format.ts';
import { ExportReader } from '../archive/export-reader.ts';
import {
  CannotRun,
  EXIT,
  WrongUsage,
  type Command,
  type Context,
  type ExitCode,
  type Input,
} from '../command.ts';
import { linesOf } from '../io/lines.ts';
import { grouped } from '../io/progress.ts';

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

/** Of a log that was cut off in the middle of a batch, that is the end. */
const END_TRIES = 50;

/** Where lines go. */
type Sink = (text: string) => Promise<void>;

async function exportLog(input: Input, context: Context): Promise<ExitCode> {
  const [file = '-'] = input.positionals;
  const resume = input.flag('resume');
  if (file === '-' && resume) throw new WrongUsage('Only an export to a file can be resumed.');
  try {
    if (file === '-') await writeAll(context, { tally: new Tally(), write: context.write });
    else reportExport(file, await exportToFile(file, { resume, context }), context);
    return EXIT.fine;
  } catch (error) {
    if (!(error instanceof BrokenExport)) throw error;
    context.progress.clear();
    context.tell(error.message);
    return EXIT.broken;
  }
}

function reportExport(file: string, { tally, before }: Exported, context: Context): void {
  context.progress.clear();
  const { position, digest } = tally;
  const added = before === 0 ? '' : `, ${grouped(position - before)} of them new`;
  context.tell(`${file} has ${grouped(position)} events${added}. Digest: ${position}:${digest}`);
}

/** What a file has now, and how many events it had before. */
export type Exported = { readonly tally: Tally; readonly before: number };

type ToFile = {
  /** Go on in a file that is there. */
  readonly resume: boolean;
  readonly context: Context;
  /** Is shown every event of the file, those that were there before too. */
  readonly check?: ((message: StoredMessage) => void) | undefined;
};

/** @throws BrokenExport if what is there is none of this log */
export async function exportToFile(file: string, { resume, context, check }: ToFile): Promise<Exported> {
  const { reader } = await context.connect();
  // A log that is not there leaves no file behind.
  await reader.lastPosition();
  const handle = await openFile(file, resume);
  try {
    const tally = resume ? await goOn(file, handle, { context, check }) : new Tally();
    const before = tally.position;
    await writeAll(context, { tally, write: async (text) => handle.appendFile(text), check });
    await handle.sync();
    return { tally, before };
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
async function goOn(
  file: string,
  handle: FileHandle,
  { context, check }: Pick<ToFile, 'context' | 'check'>,
): Promise<Tally> {
  const found = new ExportReader();
  let whole = 0;
  for await (const lines of linesOf(createReadStream(file))) {
    for (const { text, end } of lines) {
      if (end === undefined) continue;
      const message = found.read(text);
      if (message) check?.(message);
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
async function writeAll(
  context: Context,
  { tally, write, check }: { tally: Tally; write: Sink; check?: ToFile['check'] },
): Promise<void> {
  const { reader } = await context.connect();
  const to = await endOfLastBatch(reader);
  if (!tally.begun) await write(firstLine(tally, context.ledger));
  for await (const messages of to > tally.position ? reader.messages({ after: tally.position, to }) : []) {
    for (const message of check ? messages : []) check?.(message);
    await write(messages.map((message) => eventLine(tally, message)).join(''));
    context.progress.tell('Exported', tally.position, to);
  }
  await write(lastLine(tally));
}

/** Where the log ends. While the server stores a batch, that may be in the middle of it for a moment. */
async function endOfLastBatch(reader: EventReader): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const last = await reader.lastPosition();
    if (last === 0 || tries === END_TRIES) return last;
    for await (const [message] of reader.messages({ after: last - 1, to: last })) {
      if (message && batchOf(message.headers)?.last !== false) return last;
    }
    await sleep(20);
  }
}
