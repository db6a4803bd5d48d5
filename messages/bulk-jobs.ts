import type { BulkLine, BulkOutcome } from '../contracts/bulks.ts';
import type { CommandMeta } from './commands.ts';

/** What the parts of Tallybook tell each other of a bulk: how it is stored, and what its workflow is started with. */

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
