/** `import`: makes a ledger from an export. */
import { createReadStream } from 'node:fs';
import { Audit } from '../../eventlog/audit/audit.ts';
import type { Finding } from '../../eventlog/audit/finding.ts';
import { openLog } from '../../eventlog/nats/stream.ts';
import { batchOf, hashOf, type StoredMessage } from '../../eventlog/wire/codec.ts';
import { BrokenExport } from '../archive/export-format.ts';
import { ExportReader } from '../archive/export-reader.ts';
import { createImporter, type Importer } from '../archive/importer.ts';
import { CannotRun, EXIT, type Command, type Context, type ExitCode, type Input } from '../command.ts';
import { linesOf } from '../io/lines.ts';
import { grouped } from '../io/progress.ts';
import { auditStored } from './verify.ts';

export const importCommand: Command = {
  name: 'import',
  takes: '<file | ->',
  summary: 'Makes an empty ledger equal to the exported one: same events, same positions, same hashes.',
  help: `The ledger (LEDGER) must have the name that it had when it was exported, since names are part of the hashes, and
be empty: it may have no events, or be not there at all. If it has exactly the first events of the file, an import
was interrupted, and goes on. A file is checked from end to end before anything is written; what comes through the
standard input ("-") is checked as it comes. In the end the ledger is verified, and its digest compared.`,
  positionals: [1, 1],
  options: {},
  run: importLog,
};

async function importLog(input: Input, context: Context): Promise<ExitCode> {
  const [file = '-'] = input.positionals;
  return await reportingBrokenExport(context, async () => {
    const imported = file === '-' ? await importStream(context) : await importFile(file, context);
    await context.write(report(imported, context));
    return EXIT.fine;
  });
}

/** What was imported: from where to where, and what was there already. */
export type Imported = { readonly position: number; readonly digest: string; readonly before: number };

/** Where an export ends for whoever imports it, if that is not its last line. */
export type Until = { readonly position: number; readonly digest: string };

/** Runs what may find an export broken. */
export async function reportingBrokenExport(
  context: Context,
  work: () => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BrokenExport)) throw error;
    context.progress.clear();
    context.tell(error.message);
    return EXIT.broken;
  }
}

async function importStream(context: Context): Promise<Imported> {
  const source = new ExportReader();
  const before = await append(audited(source, process.stdin, { context }), { source, context });
  requireComplete(source, context);
  return await compare(source, before, context);
}

/** Checks a file, makes the ledger from it, and verifies that. @throws BrokenExport */
export async function importFile(file: string, context: Context, until?: Until): Promise<Imported> {
  await checkFile(file, context, until);
  const source = new ExportReader();
  const messages = events(source, createReadStream(file), until);
  const before = await append(messages, { source, context, total: until?.position });
  requireComplete(source, context, until);
  return await compare(source, before, context);
}

/** Reads the whole file before anything is written: a broken one leaves no broken ledger. */
async function checkFile(file: string, context: Context, until?: Until): Promise<void> {
  const source = new ExportReader();
  for await (const _ of audited(source, readable(file), { context, until }))
    context.progress.tell('Checked', source.tally.position, until?.position);
}

async function* readable(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new CannotRun(`${file} cannot be read: ${String(error)}`, { cause: error });
  }
}

/** The events in the lines, in arrays. */
async function* events(
  source: ExportReader,
  chunks: AsyncIterable<Buffer>,
  until?: Until,
): AsyncGenerator<readonly StoredMessage[]> {
  for await (const lines of linesOf(chunks)) {
    const read: StoredMessage[] = [];
    for (const { text } of lines) {
      if (source.ledger !== undefined && source.tally.position === until?.position) break;
      const message = source.read(text);
      if (message) read.push(message);
    }
    yield read;
    if (source.tally.position === until?.position) return;
  }
}

/** The same, each event checked as `verify` does. */
async function* audited(
  source: ExportReader,
  chunks: AsyncIterable<Buffer>,
  { context, until }: { context: Context; until?: Until | undefined },
): AsyncGenerator<readonly StoredMessage[]> {
  const { ledger } = context;
  const audit = new Audit({ ledger });
  for await (const messages of events(source, chunks, until)) {
    requireName(source, ledger);
    for (const message of messages) {
      const { finding } = audit.add(message);
      if (finding) throw brokenBy(finding);
    }
    yield messages;
  }
  requireComplete(source, context, until);
  const finding = audit.end();
  if (finding) throw brokenBy(finding);
}

export function brokenBy({ position, subject, message }: Finding): BrokenExport {
  return new BrokenExport(`The exported ledger is broken at position ${position} (${subject}): ${message}.`);
}

function requireName({ ledger: exported }: ExportReader, ledger: string): void {
  if (exported === undefined || exported === ledger) return;
  throw new CannotRun(
    `The export is of the ledger "${exported}", and this one is "${ledger}". Names are part of subjects and hashes, ` +
      `so it can only be imported under its own: LEDGER=${exported}.`,
  );
}

function requireComplete(source: ExportReader, { ledger }: Context, until?: Until): void {
  requireName(source, ledger);
  const { position, digest } = source.tally;
  if (until && position === until.position && digest !== until.digest) {
    throw new BrokenExport(`The digest of the first ${grouped(position)} events is not the noted one.`);
  }
  if (until && position < until.position) {
    const noted = `${grouped(position)} of ${grouped(until.position)} events are there`;
    throw new BrokenExport(`The export is cut off: ${noted}.`);
  }
  if (until || source.ended) return;
  throw new BrokenExport(
    `The export has no last line: ${grouped(source.tally.position)} events, and then it breaks off. ` +
      '"export --resume" completes it.',
  );
}

/** @returns how many events were there before */
async function append(
  messages: AsyncIterable<readonly StoredMessage[]>,
  { source, context, total }: { source: ExportReader; context: Context; total?: number | undefined },
): Promise<number> {
  let target: Target | undefined;
  try {
    for await (const some of messages) {
      // Not before: by now the name of the ledger has been compared, and nothing is created under a wrong one.
      target ??= await openTarget(context);
      const { existing, stored, importer } = target;
      for (const message of some) {
        if (message.seq > existing) await importer.add(message);
        else requireSame(message, (await stored.next()).value, existing);
      }
      context.progress.tell('Imported', source.tally.position, total);
    }
  } finally {
    await target?.stored.return(undefined);
  }
  target ??= await openTarget(context);
  if (source.tally.position < target.existing) throw notEmpty(target.existing);
  await target.importer.end();
  return target.existing;
}

/** The ledger that is written: how much it has already, that, and what appends to it. */
type Target = {
  readonly existing: number;
  readonly stored: AsyncGenerator<StoredMessage, undefined, undefined>;
  readonly importer: Importer;
};

async function openTarget({ connect, ledger, streamReplicas }: Context): Promise<Target> {
  const { nc, reader } = await connect();
  await openLog(nc, { ledger, replicas: streamReplicas });
  const existing = await reader.lastPosition();
  const stored = oneByOne(existing === 0 ? [] : reader.messages({ to: existing }));
  return { existing, stored, importer: createImporter({ nc, reader, after: existing }) };
}

async function* oneByOne(
  arrays: AsyncIterable<readonly StoredMessage[]> | readonly [],
): AsyncGenerator<StoredMessage, undefined, undefined> {
  for await (const messages of arrays) yield* messages;
}

function requireSame(exported: StoredMessage, stored: StoredMessage | undefined, existing: number): void {
  const same =
    stored?.seq === exported.seq &&
    stored.subject === exported.subject &&
    stored.headers.get('ce-hash') === exported.headers.get('ce-hash') &&
    hashOf(stored) === hashOf(exported);
  const endsBatch = exported.seq < existing || (batchOf(exported.headers)?.last ?? true);
  if (!same || !endsBatch) throw notEmpty(existing);
}

function notEmpty(existing: number): CannotRun {
  return new CannotRun(
    `The ledger is not empty: it has ${grouped(existing)} events, and they are not the first ones of this export.`,
  );
}

/** Verifies what is stored now. */
async function compare(source: ExportReader, before: number, context: Context): Promise<Imported> {
  const { position, digest } = source.tally;
  const audit = new Audit({ ledger: context.ledger, anchors: [{ position, digest }] });
  const finding = await auditStored(context, audit);
  if (finding) throw brokenBy(finding);
  context.progress.clear();
  return { position, digest, before };
}

/** What a person is told of it. */
export function report({ position, digest, before }: Imported, { ledger }: Context): string {
  const earlier = before === 0 ? '' : ` (${grouped(before)} were there already)`;
  return (
    `Imported ${grouped(position)} events${earlier} into the ledger "${ledger}", and verified it.\n` +
    `The digests are equal: ${position}:${digest}\n`
  );
}
