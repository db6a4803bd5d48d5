/**
 * A backup is a folder. `log.ndjson` is an export of the log, which later backups into the same folder only add to.
 * `rest-<time>.ndjson` is all else. `backup.json`, written last and in one go, says what of them is the backup: so one
 * that was interrupted leaves the one before it as it was.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ScheduleCopy } from '../../api/temporal/recovery.ts';
import { CannotRun } from '../command.ts';
import { linesOf } from '../io/lines.ts';
import type { BesideMessage } from './beside-log.ts';
import { BrokenExport } from './export-format.ts';

const FORMAT = 'tallybook-backup';
const MANIFEST = 'backup.json';
const REST = /^rest-\d+\.ndjson$/;

const manifest = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  ledger: z.string(),
  made_at: z.string(),
  position: z.number().int().nonnegative(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  rest: z.object({ file: z.string().regex(REST), sha256: z.string(), lines: z.number().int() }),
  /** Whether Temporal was asked for its schedules. */
  schedules: z.boolean(),
});

/** What a backup is. */
export type Manifest = z.infer<typeof manifest>;

/** A line of what is beside the log. */
export type RestLine = { readonly message: BesideMessage } | { readonly schedule: ScheduleCopy };

export function logFile(folder: string): string {
  return join(folder, 'log.ndjson');
}

/** Makes the folder if need be. @throws CannotRun if it has other things, or another ledger's backup */
export async function openFolder(folder: string, ledger: string): Promise<void> {
  // There are secrets in it.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = await readdir(folder);
  const ours = names.every(
    (name) => name === MANIFEST || name === 'log.ndjson' || REST.test(name) || isDraft(name),
  );
  if (!ours) throw new CannotRun(`${folder} has other files: a backup needs a folder of its own.`);
  if (names.includes(MANIFEST)) requireLedger(await readManifest(folder), { folder, ledger });
}

function requireLedger(
  { ledger: found }: Manifest,
  { folder, ledger }: { folder: string; ledger: string },
): void {
  if (found === ledger) return;
  throw new CannotRun(`${folder} is a backup of the ledger "${found}", not of "${ledger}" (LEDGER).`);
}

/** Writes lines to a file of their own, which nothing refers to yet. */
export async function writeRest(folder: string, lines: AsyncIterable<RestLine>): Promise<Manifest['rest']> {
  const file = `rest-${Date.now()}.ndjson`;
  const sum = createHash('sha256');
  const handle = await open(join(folder, file), 'wx', 0o600);
  try {
    let count = 0;
    for await (const line of lines) {
      const text = `${JSON.stringify(line)}\n`;
      sum.update(text);
      count += 1;
      await handle.appendFile(text);
    }
    await handle.sync();
    return { file, sha256: sum.digest('hex'), lines: count };
  } finally {
    await handle.close();
  }
}

/** Makes what was written the backup, and removes what is none any more. */
export async function seal(folder: string, made: Omit<Manifest, 'format' | 'version'>): Promise<void> {
  const body = JSON.stringify({ format: FORMAT, version: 1, ...made } satisfies Manifest);
  const draft = join(folder, `${MANIFEST}.draft`);
  const handle = await open(draft, 'w');
  await handle.writeFile(
    `${JSON.stringify({ backup: JSON.parse(body) as unknown, checksum: checksumOf(body) })}\n`,
  );
  await handle.sync();
  await handle.close();
  await rename(draft, join(folder, MANIFEST));
  await syncFolder(folder);
  for (const name of await readdir(folder)) {
    if (REST.test(name) && name !== made.rest.file) await rm(join(folder, name));
  }
}

/** A name is kept by its folder, and that is written when it is told to be. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** @throws CannotRun if there is none; BrokenExport if it was changed */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch((error: unknown) => {
    const why = `${folder} is no backup: it has no ${MANIFEST}. One that was interrupted has none until it is made again.`;
    throw new CannotRun(why, { cause: error });
  });
  const parsed = z.object({ backup: z.unknown(), checksum: z.string() }).safeParse(jsonOf(text));
  if (!parsed.success || checksumOf(JSON.stringify(parsed.data.backup)) !== parsed.data.checksum) {
    throw new BrokenExport(`${MANIFEST} was changed: it does not fit its checksum.`);
  }
  const found = manifest.safeParse(parsed.data.backup);
  if (!found.success) throw new BrokenExport(`${MANIFEST} is not one that this version can read.`);
  return found.data;
}

/** The lines beside the log, only once all of them have been checked. @throws BrokenExport if the file was changed */
export async function* readRest(folder: string, { rest }: Manifest): AsyncGenerator<RestLine> {
  const file = join(folder, rest.file);
  const sum = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file)) sum.update(chunk as Buffer);
  } catch (error) {
    throw new BrokenExport(`${rest.file} cannot be read: ${String(error)}`, { cause: error });
  }
  if (sum.digest('hex') !== rest.sha256) throw new BrokenExport(`${rest.file} was changed, or cut off.`);
  for await (const lines of linesOf(createReadStream(file))) {
    for (const { text } of lines) yield JSON.parse(text) as RestLine;
  }
}

function checksumOf(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isDraft(name: string): boolean {
  return name === `${MANIFEST}.draft`;
}
