/**
 * A bulk: many transfers that were sent in one request. What HTTP says of it, what is stored of it, and what travels
 * through Temporal, which is little: a payload may have 2 MB there, and ten thousand lines have more.
 */
import { z } from 'zod';
import type { CommandMeta } from '../messages/commands.ts';
import { page } from './http.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';
import * as values from './values.ts';

export const BULK_LINES_MAX = 10_000;

export const bulkLine = z
  .strictObject({
    id: values.id.optional().meta({
      description: 'Your id for the line, unique in the request. The outcome of the line repeats it.',
    }),
    source: values.id,
    destination: values.id,
    amount: values.amount,
    currency: values.currency,
    reference: values.reference.optional(),
    metadata: values.metadata.default({}),
  })
  .meta({ id: 'BulkLine' });

export const bulkBody = z.strictObject({ transfers: z.array(bulkLine).min(1).max(BULK_LINES_MAX) }).meta({
  id: 'CreateBulk',
  example: {
    transfers: [
      { id: 'salary-1', source: 'payroll', destination: 'alice', amount: '250000', currency: 'EUR' },
      { id: 'salary-2', source: 'payroll', destination: 'bob', amount: '240000', currency: 'EUR' },
    ],
  },
});

const count = (description: string) => z.number().int().nonnegative().meta({ description });

export const bulkResource = z
  .object({
    id: values.id,
    status: z.enum(['running', 'completed', 'stopped']).meta({
      description: '`stopped`: its workflow ended early. The same request, sent again, resumes it.',
    }),
    total: count('The number of lines.'),
    done: count('Lines that have an outcome.'),
    posted: count('Lines whose transfer is posted.'),
    rejected: count('Lines whose transfer is rejected.'),
    failed: count('Lines without a transfer, because an account does not exist.'),
    created_at: values.time,
    completed_at: values.time.optional(),
    position: values.position.optional().meta({
      description: 'The log position that includes every outcome so far; pass it as `min_position`.',
    }),
    workflow_id: z.string(),
  })
  .meta({ id: 'Bulk' });

const codes = Object.keys(PROBLEMS) as ProblemCode[];

export const bulkOutcome = z
  .object({
    line: z.number().int().positive().meta({ description: 'The number of the line, from 1.' }),
    id: values.id.optional().meta({ description: 'Your id for the line.' }),
    status: z.enum(['posted', 'rejected', 'failed']),
    transfer: values.id.optional().meta({ description: 'The id of the transfer, if one was recorded.' }),
    position: values.position.optional(),
    code: z.enum(codes).optional().meta({ description: 'Why no money moved.' }),
    detail: z.string().optional(),
  })
  .meta({ id: 'BulkOutcome' });

export const bulkOutcomePage = page(bulkOutcome).meta({ id: 'BulkOutcomePage' });

export type BulkLine = z.infer<typeof bulkLine>;
export type BulkResource = z.infer<typeof bulkResource>;
export type BulkOutcome = z.infer<typeof bulkOutcome>;

/** A line as it is stored: with the id of its transfer, so that carrying it out twice makes one. */
export type StoredLine = BulkLine & { readonly transfer: string };

/** What makes a bulk exist. It is stored together with the lines. */
export type BulkManifest = {
  readonly id: string;
  /** What every transfer of it carries. */
  readonly meta: CommandMeta;
  /** How many lines each chunk has. */
  readonly chunks: readonly number[];
};

/** How many lines have which outcome, from the first one on. */
export type BulkCounts = {
  readonly posted: number;
  readonly rejected: number;
  readonly failed: number;
  /** The log position that shows all of them; 0 while there is none. */
  readonly position: number;
};

/** What became of the lines of a chunk. */
export type ChunkResults = {
  readonly outcomes: readonly BulkOutcome[];
  /** Those of this chunk and of all before it. */
  readonly counts: BulkCounts;
  /** When the last of them was known, RFC 3339. */
  readonly at: string;
};

/** What the workflow of a bulk is started with. What is optional, a run that goes on after another one has. */
export type BulkRequest = {
  readonly id: string;
  /** How many chunks it has. */
  readonly chunks: number;
  /** The chunk to go on with. */
  readonly from?: number;
  /** The counts of the chunks before. */
  readonly counts?: BulkCounts;
  /** How many chunks one run takes on before another run goes on with an empty history. */
  readonly chunks_a_run?: number;
  /** How many chunks are done before a timer; of bulks that were started before runs were short. */
  readonly chunks_a_task?: number;
};

/** What the query `progress` answers. */
export type BulkProgress = BulkCounts & {
  readonly chunks: number;
  /** How many of them are done. */
  readonly chunks_done: number;
};

/** The chunks of a step, one after the other. */
export type ChunksRequest = {
  readonly bulk: string;
  /** The first of them. */
  readonly chunk: number;
  /** The one after the last; without it there is one. */
  readonly until?: number;
  /** The counts of the chunks before them. */
  readonly before: BulkCounts;
};

/** How many lines a bulk has. */
export function linesOf({ chunks }: Pick<BulkManifest, 'chunks'>): number {
  return chunks.reduce((sum, lines) => sum + lines, 0);
}

/** How many lines come before a chunk. */
export function linesBefore({ chunks }: Pick<BulkManifest, 'chunks'>, chunk: number): number {
  return linesOf({ chunks: chunks.slice(0, chunk) });
}
