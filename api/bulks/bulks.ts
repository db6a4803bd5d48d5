/** Bulks as HTTP shows them: taken on, how far they are, and what became of their lines. */
import type { BulkStore } from '../../bulks/store.ts';
import type { BulkOutcome, BulkResource } from '../../contracts/bulks.ts';
import {
  linesBefore,
  linesOf,
  type BulkManifest,
  type BulkRequest,
  type StoredLine,
} from '../../messages/bulk-jobs.ts';
import type { CommandMeta } from '../../messages/commands.ts';
import { resourceWorkflowId } from '../../messages/workflow-ids.ts';
import type { IdempotencyKey } from '../commands/idempotency.ts';
import { eventCursor, positionOfCursor } from '../http/event-cursor.ts';
import { keyReused, ProblemError } from '../http/problem.ts';
import type { Lines } from './lines.ts';

/** What the routes need of whoever carries bulks out; `api/temporal/bulks.ts` does it with workflows. */
export type BulkWorkflows = {
  /**
   * Starts the workflow of a bulk unless it is under way or has come to its end.
   * @throws ProblemError if that is not known.
   */
  readonly start: (request: BulkRequest) => Promise<void>;
  /** Whether it is under way; `unknown` if there is none by that id, undefined if nobody answers. */
  readonly state: (id: string) => Promise<'running' | 'stopped' | 'unknown' | undefined>;
};

export type Bulks = {
  readonly store: Pick<BulkStore, 'create' | 'manifest' | 'results' | 'latestResults'>;
  readonly workflows: BulkWorkflows;
};

type BulkSubmission = { readonly key: IdempotencyKey; readonly meta: CommandMeta } & Pick<Lines, 'lines'>;

/**
 * A request was cut off between storing a bulk and starting its workflow: whoever asks for it then starts it. Later,
 * a workflow that Temporal does not know may be one that was stopped and then forgotten.
 */
const YOUNG_MS = 60 * 60 * 1_000;

/**
 * Takes a bulk on, or finds that this was done. From here on it is durable.
 * @throws ProblemError if the key stands for another request, or a server does not answer.
 */
export async function accept(
  { store, workflows }: Bulks,
  { key, meta, lines }: BulkSubmission,
): Promise<{ manifest: BulkManifest; replayed: boolean }> {
  const id = key.bulkId;
  const known = await store.manifest(id);
  const { manifest, fresh } = known
    ? { manifest: known, fresh: false }
    : await store.create({ id, meta }, stored(key, lines));
  if (manifest.meta.fingerprint !== meta.fingerprint) throw keyReused();
  const done = fresh ? 0 : countDone(await store.latestResults(id));
  if (done < linesOf(manifest)) await workflows.start(requestOf(manifest));
  return { manifest, replayed: !fresh };
}

function stored(key: IdempotencyKey, lines: Lines['lines']): StoredLine[] {
  return lines.map((line, index) => {
    const name = line.id === undefined ? { number: index + 1 } : { id: line.id };
    return { ...line, transfer: key.lineTransferId(name) };
  });
}

function requestOf({ id, chunks }: BulkManifest): BulkRequest {
  return { id, chunks: chunks.length };
}

type Results = Awaited<ReturnType<BulkStore['latestResults']>>;

function countDone(results: Results): number {
  const { posted = 0, rejected = 0, failed = 0 } = results?.counts ?? {};
  return posted + rejected + failed;
}

/** A bulk as it was when it was taken on: the same whenever it is asked for again. */
export function accepted(manifest: BulkManifest): BulkResource {
  return resource(manifest, undefined, 'running');
}

/** A bulk as it is now; undefined if there is none. Its counts come from what is stored, not from its workflow. */
export async function findBulk(
  { store, workflows }: Bulks,
  { id, now }: { id: string; now: Date },
): Promise<BulkResource | undefined> {
  const manifest = await store.manifest(id);
  if (!manifest) return undefined;
  const results = await store.latestResults(id);
  if (countDone(results) === linesOf(manifest)) return resource(manifest, results, 'completed');
  const state = await workflows.state(id);
  if (state === 'unknown' && !results && now.getTime() - createdAt(manifest) < YOUNG_MS) {
    await workflows.start(requestOf(manifest));
    return resource(manifest, results, 'running');
  }
  return resource(manifest, results, state === undefined || state === 'running' ? 'running' : 'stopped');
}

function createdAt({ meta }: BulkManifest): number {
  return Date.parse(meta.requested_at);
}

function resource(manifest: BulkManifest, results: Results, status: BulkResource['status']): BulkResource {
  const { posted = 0, rejected = 0, failed = 0, position = 0 } = results?.counts ?? {};
  return {
    id: manifest.id,
    status,
    total: linesOf(manifest),
    done: countDone(results),
    posted,
    rejected,
    failed,
    created_at: manifest.meta.requested_at,
    ...(results && status === 'completed' ? { completed_at: results.at } : {}),
    ...(position === 0 ? {} : { position }),
    workflow_id: resourceWorkflowId('bulk', manifest.id),
  };
}

/**
 * A page of outcomes, in the order of the lines. A bulk that is under way has no last page: what is not known yet comes
 * after the cursor. Undefined if there is no such bulk.
 * @throws ProblemError for a cursor that no page gave.
 */
export async function resultsPage(
  store: Pick<BulkStore, 'manifest' | 'results'>,
  id: string,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<{ data: readonly BulkOutcome[]; next_cursor: string | null } | undefined> {
  const manifest = await store.manifest(id);
  if (!manifest) return undefined;
  const total = linesOf(manifest);
  const from = cursor === undefined ? 0 : positionOfCursor(cursor) - 1;
  if (from >= total) throw new ProblemError('invalid_cursor');
  const data: BulkOutcome[] = [];
  for (const [chunk, size] of manifest.chunks.entries()) {
    const first = linesBefore(manifest, chunk);
    if (first + size <= from) continue;
    const known = data.length < limit ? await store.results(id, chunk) : undefined;
    if (!known) break;
    data.push(...known.outcomes.slice(Math.max(0, from - first), from + limit - first));
  }
  const next = from + data.length;
  // The number of the line to go on with: cursors count from 1.
  return { data, next_cursor: next < total ? eventCursor(next + 1) : null };
}
