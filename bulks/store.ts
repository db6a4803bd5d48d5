/**
 * Where bulks are kept: what was sent, and what became of it. Not the log: nothing here is a fact of the ledger. Each
 * part is written once, and all reads go to the stream's leader, so whoever has stored a part finds it.
 */
import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { BULK_STREAM, bulkSubject, type BulkPart } from '../contracts/subjects.ts';
import { publishAtomically, type BatchMessage } from '../eventlog/append/batch.ts';
import { LogUnavailable } from '../eventlog/errors.ts';
import { ERROR_CODES } from '../eventlog/error-codes.ts';
import { openPatiently } from '../eventlog/nats/retry.ts';
import { APPEND_ONLY, ensureStream } from '../eventlog/nats/stream.ts';
import type { BulkManifest, ChunkResults, StoredLine } from '../messages/bulk-jobs.ts';
import { chunked } from './chunks.ts';

export type BulkStore = {
  /**
   * Stores a bulk, all of it or nothing. `fresh` is false if one with that id was there: then it is that one.
   * @throws LogUnavailable if the server does not answer; then the same again will tell.
   */
  readonly create: (
    bulk: Omit<BulkManifest, 'chunks'>,
    lines: readonly StoredLine[],
  ) => Promise<{ readonly manifest: BulkManifest; readonly fresh: boolean }>;
  readonly manifest: (id: string) => Promise<BulkManifest | undefined>;
  readonly lines: (id: string, chunk: number) => Promise<readonly StoredLine[] | undefined>;
  /** Keeps the results of a chunk, and gives those that count: the first ones. */
  readonly keepResults: (id: string, chunk: number, results: ChunkResults) => Promise<ChunkResults>;
  readonly results: (id: string, chunk: number) => Promise<ChunkResults | undefined>;
  /** The results of the last chunk that has any. */
  readonly latestResults: (id: string) => Promise<ChunkResults | undefined>;
};

/** What reading may take. */
const READ_TIMEOUT_MS = 2_000;
/** Ten thousand lines are up to 16 MB, and are synced to the disk. */
const WRITE_TIMEOUT_MS = 4_000;

/**
 * Creates the stream of all bulks, or checks that the one which is there is what they need.
 * @throws Error that says what is wrong with it.
 */
export async function openBulkStream(
  nc: NatsConnection,
  replicas: number,
  tell?: (line: string) => void,
): Promise<void> {
  const wanted: Parameters<typeof ensureStream>[1] = {
    name: BULK_STREAM.name,
    description: 'Bulk transfers: the lines that were sent, and what became of them.',
    subjects: [...BULK_STREAM.subjects],
    ...APPEND_ONLY,
    num_replicas: replicas,
    allow_direct: false,
  };
  await openPatiently(nc, { what: 'the stream of bulks', tell }, async () =>
    ensureStream(await jetstreamManager(nc), wanted),
  );
}

/** The bulks of a ledger. */
export function createBulkStore(nc: NatsConnection, ledger: string): BulkStore {
  async function read<Part>(id: string, part: BulkPart): Promise<Part | undefined> {
    const text = await lastMessage(nc, bulkSubject(ledger, id, part));
    return text === undefined ? undefined : (JSON.parse(text) as Part);
  }

  /** Nothing is written where something is. */
  function message(id: string, part: BulkPart, json: string): BatchMessage {
    const subject = bulkSubject(ledger, id, part);
    return { subject, headers: '', payload: Buffer.from(json), guard: { subject, sequence: () => 0 } };
  }

  /**
   * Writes what must be new.
   * @param own the part that the messages tell
   * @param seen that part as it is stored: perhaps another's
   */
  async function write<Part>(
    messages: readonly BatchMessage[],
    own: Part,
    seen: () => Promise<Part | undefined>,
  ): Promise<{ part: Part; fresh: boolean }> {
    const options = { batchId: randomUUID(), timeoutMs: WRITE_TIMEOUT_MS };
    const result = await publishAtomically(nc, messages, options);
    if (result.type === 'stored') return { part: own, fresh: true };
    const part = await seen();
    // Of an answer that was lost, nobody else has heard either.
    if (part !== undefined) return { part, fresh: result.type === 'unknown' };
    throw new LogUnavailable(`The bulks cannot be written: ${result.detail}`);
  }

  const manifest: BulkStore['manifest'] = (id) => read(id, 'manifest');
  const results: BulkStore['results'] = (id, chunk) => read(id, `results.${chunk}`);
  return {
    manifest,
    results,
    latestResults: (id) => read(id, 'results.*'),
    lines: (id, chunk) => read(id, `lines.${chunk}`),
    async create(bulk, lines) {
      const { id } = bulk;
      const chunks = chunked(lines);
      const made: BulkManifest = { ...bulk, chunks: chunks.map((chunk) => chunk.lines) };
      const messages = [
        ...chunks.map(({ json }, index) => message(id, `lines.${index}`, json)),
        message(id, 'manifest', JSON.stringify(made)),
      ];
      const { part, fresh } = await write(messages, made, () => manifest(id));
      return { manifest: part, fresh };
    },
    async keepResults(id, chunk, own) {
      const part = message(id, `results.${chunk}`, JSON.stringify(own));
      return (await write([part], own, () => results(id, chunk))).part;
    },
  };
}

/** The ids of a ledger's bulks. */
export async function findBulks(nc: NatsConnection, ledger: string): Promise<string[]> {
  const { streams } = await jetstreamManager(nc);
  const { state } = await streams.info(BULK_STREAM.name, {
    subjects_filter: bulkSubject(ledger, '*', 'manifest'),
  });
  return Object.keys(state.subjects ?? {}).map((subject) => subject.split('.')[2] ?? '');
}

/** The data of the last message on a subject, which may have wildcards. */
async function lastMessage(nc: NatsConnection, subject: string): Promise<string | undefined> {
  const question = JSON.stringify({ last_by_subj: subject });
  const reply = await nc
    .request(`$JS.API.STREAM.MSG.GET.${BULK_STREAM.name}`, question, { timeout: READ_TIMEOUT_MS })
    .catch((error: unknown) => {
      throw new LogUnavailable(`The bulks do not answer: ${String(error)}`, { cause: error });
    });
  const { message, error } = reply.json<{
    message?: { data?: string };
    error?: { err_code: number; description: string };
  }>();
  if (message) return Buffer.from(message.data ?? '', 'base64').toString();
  if (error?.err_code === ERROR_CODES.NoMessageFound) return undefined;
  throw new LogUnavailable(`The bulks cannot be read: ${error?.description ?? 'no message'}`);
}
