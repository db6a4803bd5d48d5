/** The rows of the accounts, folded from the log as the projector does, and which of them the read model has shown. */
import type { Finding } from '../../eventlog/audit/finding.ts';
import type { AccountColumns } from '../../projector/queries/rows.ts';
import type { AccountRow } from './apply.ts';
import { differenceOf, differs } from './compare-rows.ts';

/** Texts take less room than objects; there may be millions. */
type Folded = {
  readonly opening: string;
  /** The position by which the account was there. */
  readonly since: number;
  state: string;
  seen: boolean;
};

/** A chunk of rows, ordered by id: its last id (none: it was the end of the table), and the position that it shows. */
type Chunk = { readonly position: number; readonly last: string | undefined };

export class AccountRows {
  readonly #folded = new Map<string, Folded>();
  readonly #chunks: Chunk[] = [];

  /** Folds the rows that events up to a position have changed. */
  add(rows: readonly AccountRow[], position: number): void {
    for (const { opening, id, ...state } of rows) {
      const known = this.#folded.get(id);
      if (known) known.state = JSON.stringify(state);
      else {
        const folded = { opening: JSON.stringify(opening), since: position, seen: false };
        this.#folded.set(id, { ...folded, state: JSON.stringify(state) });
      }
    }
  }

  /** Compares a chunk with what was folded up to its position. */
  compare(rows: readonly AccountColumns[], chunk: Chunk): Finding | undefined {
    const { position } = chunk;
    this.#chunks.push(chunk);
    for (const row of rows) {
      const at = { position, table: `accounts ${row.id}` };
      const folded = this.#folded.get(row.id);
      if (!folded) return differs(at, 'the log has no such account');
      folded.seen = true;
      const wanted = { id: row.id, ...parsed(folded.state), ...parsed(folded.opening) };
      const difference = differenceOf(wanted, columnsOf(row));
      if (difference !== undefined) return differs(at, difference);
    }
    return undefined;
  }

  /** An account that had no row in the chunk where it belongs, once all chunks were compared. */
  missing(): Finding | undefined {
    for (const [id, { seen, since }] of this.#folded) {
      if (seen) continue;
      const chunk = this.#chunks.find(({ last }) => last === undefined || id <= last);
      // It may be younger than the chunk.
      if (!chunk || since > chunk.position) continue;
      return differs({ position: chunk.position, table: `accounts ${id}` }, 'its row is missing');
    }
    return undefined;
  }
}

function parsed(text: string): object {
  return JSON.parse(text) as object;
}

function columnsOf({ version, first_position, created_at, ...row }: AccountColumns): object {
  const columns: Record<string, unknown> = {
    ...row,
    version: Number(version),
    first_position: Number(first_position),
    created_at: created_at.toISOString(),
  };
  // The projection's position, which the statement gives beside each row.
  delete columns.reached;
  return columns;
}
