/**
 * Carries out chunks of a bulk: all lines of one at once, so that the appender commits them together, and those of the next
 * while these are on their way.
 */
import { activityInfo } from '@temporalio/activity';
import type { BulkStore } from '../bulks/store.ts';
import type { BulkOutcome } from '../contracts/bulks.ts';
import type { Appender } from '../eventlog/append/appender.ts';
import type { Outcome } from '../eventlog/append/outcome.ts';
import { Overloaded } from '../eventlog/errors.ts';
import {
  linesBefore,
  type BulkCounts,
  type BulkManifest,
  type ChunksRequest,
  type StoredLine,
} from '../messages/bulk-jobs.ts';
import type { MovementRequest } from '../messages/commands.ts';
import { asFailure } from './failures.ts';

export type BulkActivities = {
  /**
   * Carries out chunks, or finds that this was done, and counts their outcomes on top of those before them. The log knows
   * every transfer by its id, so a chunk that is carried out again moves nothing twice.
   */
  readonly carryOutChunk: (chunks: ChunksRequest) => Promise<BulkCounts>;
};

export type BulkActivityDependencies = {
  readonly appender: Pick<Appender, 'submit'>;
  readonly bulks: Pick<BulkStore, 'manifest' | 'lines' | 'results' | 'keepResults'>;
  readonly clock: () => Date;
};

/** How long lines that found the queue full are tried again here; an activity may take 12 s. */
const PATIENCE_MS = 2_000;
const PAUSE_MS = 50;
/** Chunks whose lines are with the appender at once: one on its way, one decided, one waiting. */
const IN_HAND = 3;

/** Makes the activities. */
export function createBulkActivities(deps: BulkActivityDependencies): BulkActivities {
  return {
    async carryOutChunk(request) {
      const { attempt, workflowExecution } = activityInfo();
      try {
        if (!workflowExecution) throw new Error('A bulk is carried out by a workflow');
        return await carryOut({ ...deps, workflowId: workflowExecution.workflowId }, request);
      } catch (error) {
        throw asFailure(error, attempt);
      }
    },
  };
}

type Work = BulkActivityDependencies & { readonly workflowId: string };

/** A chunk whose lines wait in the appender, or were carried out before. */
type Begun = {
  /** Waits for all outcomes, stores them, and counts them on top of those before. */
  readonly finish: (before: BulkCounts) => Promise<BulkCounts>;
  /** Resolves when nothing of it waits any more, whatever came of it. */
  readonly over: Promise<unknown>;
};

async function carryOut(
  work: Work,
  { bulk, chunk, until = chunk + 1, before }: ChunksRequest,
): Promise<BulkCounts> {
  const begun: Promise<Begun>[] = [];
  /** The lines of a chunk are handed in after those of the one before it. */
  const beginNext = () => {
    const next = chunk + begun.length;
    const beginning = Promise.resolve(begun.at(-1)).then(() => begin(work, bulk, next));
    // It is looked at in its turn; until then a failure is nobody's unhandled rejection.
    beginning.catch(() => {});
    begun.push(beginning);
  };
  try {
    let counts = before;
    for (let done = 0; done < until - chunk; done += 1) {
      while (begun.length < Math.min(done + IN_HAND, until - chunk)) beginNext();
      const { finish } = (await begun[done]) as Begun;
      counts = await finish(counts);
    }
    return counts;
  } finally {
    // To the end, whatever fails: an attempt that is over must not go on beside the next one.
    await Promise.allSettled(begun.map(async (each) => (await each).over));
  }
}

/** Hands the lines of a chunk to the appender, unless their outcomes are known. */
async function begin(
  { appender, bulks, clock, workflowId }: Work,
  bulk: string,
  chunk: number,
): Promise<Begun> {
  const known = await bulks.results(bulk, chunk);
  if (known) return { finish: () => Promise.resolve(known.counts), over: Promise.resolve() };
  const [manifest, lines] = await Promise.all([bulks.manifest(bulk), bulks.lines(bulk, chunk)]);
  if (!manifest || !lines) throw new Error(`There is no chunk ${chunk} of a bulk ${bulk}`);
  const first = linesBefore(manifest, chunk) + 1;
  const requests = lines.map((line) => requestOf(manifest, line));
  const submitted = submitAll(requests, (request) => appender.submit({ request, workflowId }));
  const finish = async (before: BulkCounts) => {
    const outcomes = (await submitted).map((outcome, index) => {
      const { id } = lines[index] ?? {};
      return { line: first + index, ...(id === undefined ? {} : { id }), ...lineOutcome(outcome) };
    });
    const own = { outcomes, counts: counted(outcomes, before), at: clock().toISOString() };
    return (await bulks.keepResults(bulk, chunk, own)).counts;
  };
  return { finish, over: Promise.allSettled([submitted]) };
}

/** The command of a line. The bulk never changes, so its fingerprint is that of each of its lines. */
function requestOf({ id: bulk, meta }: BulkManifest, line: StoredLine): MovementRequest {
  const { transfer: id, source, destination, amount, currency, metadata, reference } = line;
  return {
    ...meta,
    command_id: id,
    type: 'transfer',
    id,
    kind: 'transfer',
    source,
    destination,
    amount,
    currency,
    metadata,
    bulk,
    ...(reference === undefined ? {} : { reference }),
  };
}

/**
 * Submits all requests in their order, and those that find the queue full again until they find room.
 * @throws Overloaded if they do not for long; LogUnavailable if the log does not answer.
 */
async function submitAll(
  requests: readonly MovementRequest[],
  submit: (request: MovementRequest) => Promise<Outcome>,
): Promise<Outcome[]> {
  const deadline = performance.now() + PATIENCE_MS;
  const outcomes = new Map<MovementRequest, Outcome>();
  for (;;) {
    const open = requests.filter((request) => !outcomes.has(request));
    const settled = await Promise.allSettled(open.map(submit));
    const failures: unknown[] = [];
    for (const [index, result] of settled.entries()) {
      const request = open[index];
      if (result.status === 'rejected') failures.push(result.reason);
      else if (request) outcomes.set(request, result.value);
    }
    if (failures.length === 0) return requests.flatMap((request) => outcomes.get(request) ?? []);
    const other = failures.find((failure) => !(failure instanceof Overloaded));
    if (other !== undefined) throw other;
    if (performance.now() > deadline) throw failures[0];
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function lineOutcome(outcome: Outcome): Omit<BulkOutcome, 'line' | 'id'> {
  if (outcome.type === 'error') return { status: 'failed', ...outcome.rejection };
  if (outcome.type !== 'transfer') throw new Error(`A line of a bulk came to a ${outcome.type}`);
  const { transfer, position, rejection } = outcome;
  const recorded = { transfer: transfer.id, position };
  if (rejection) return { status: 'rejected', ...recorded, ...rejection };
  if (transfer.status !== 'posted') throw new Error(`Transfer ${transfer.id} is ${transfer.status}`);
  return { status: 'posted', ...recorded };
}

function counted(outcomes: readonly BulkOutcome[], before: BulkCounts): BulkCounts {
  const counts = { ...before };
  for (const { status, position = 0 } of outcomes) {
    counts[status] += 1;
    counts.position = Math.max(counts.position, position);
  }
  return counts;
}
