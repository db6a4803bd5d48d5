/** Bulks in memory: our own interfaces, with nothing behind them. */
import type { Bulks } from '../../api/bulks.ts';
import type { BulkManifest, BulkRequest, ChunkResults, StoredLine } from '../../contracts/bulks.ts';
import { chunked } from '../../eventlog/bulk-chunks.ts';

export type MemoryBulks = Bulks & {
  readonly stored: Map<string, { manifest: BulkManifest; lines: readonly StoredLine[] }>;
  /** Those that were started, in order. */
  readonly started: BulkRequest[];
};

/** When what is done was done. */
const AT = '2026-11-23T08:00:00.000Z';

/** What is there already, and what Temporal says of a workflow. */
type Given = {
  readonly manifest?: BulkManifest;
  /** Of the first chunks. */
  readonly results?: readonly ChunkResults[];
  readonly state?: Awaited<ReturnType<Bulks['workflows']['state']>>;
};

/** Bulks that must not be reached. */
export function untouchableBulks(guard: (name: string) => () => never): Bulks {
  return {
    store: {
      create: guard('create'),
      manifest: guard('manifest'),
      results: guard('results'),
      latestResults: guard('latestResults'),
    },
    workflows: { start: guard('start'), state: guard('state') },
  };
}

/** Bulks of which nothing is carried out. */
export function memoryBulks({ manifest: there, results = [], state = 'running' }: Given = {}): MemoryBulks {
  const stored: MemoryBulks['stored'] = new Map();
  if (there) stored.set(there.id, { manifest: there, lines: [] });
  const started: BulkRequest[] = [];
  return {
    stored,
    started,
    store: {
      create(bulk, lines) {
        const manifest = { ...bulk, chunks: chunked(lines).map((chunk) => chunk.lines) };
        stored.set(bulk.id, { manifest, lines });
        return Promise.resolve({ manifest, fresh: true });
      },
      manifest: (id) => Promise.resolve(stored.get(id)?.manifest),
      results: (_, chunk) => Promise.resolve(results[chunk]),
      latestResults: () => Promise.resolve(results.at(-1)),
    },
    workflows: {
      start(request) {
        started.push(request);
        return Promise.resolve();
      },
      state: () => Promise.resolve(state),
    },
  };
}

/**
 * `bulk_1` of 10 lines in chunks of 4, 4 and 2, of which the first `known` chunks are done.
 * @param age milliseconds since it was taken on
 */
export function bulkOfTen(
  known: number,
  { age = 0, ...given }: Pick<Given, 'state'> & { age?: number } = {},
): MemoryBulks {
  const created = new Date(Date.parse(AT) - age).toISOString();
  const manifest: BulkManifest = {
    id: 'bulk_1',
    chunks: [4, 4, 2],
    meta: { command_id: 'c', requested_at: created, actor: 'a', fingerprint: 'f', idempotency_key: 'k' },
  };
  const results = manifest.chunks.slice(0, known).map((size, chunk): ChunkResults => {
    const outcomes = Array.from({ length: size }, (_, index) => {
      return { line: chunk * 4 + index + 1, status: 'posted' as const, transfer: 'tr_1', position: 9 };
    });
    const posted = Math.min(10, chunk * 4 + size);
    const counts = { posted, rejected: 0, failed: 0, position: posted * 3 };
    return { outcomes, counts, at: AT };
  });
  return memoryBulks({ manifest, results, ...given });
}
