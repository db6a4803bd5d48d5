/** The position of the read model: it shows everything up to there, and nothing after. */
import { assert } from '../domain/assert.ts';
import type { Rows } from './apply.ts';
import type { ReadModel } from './database.ts';
import { writeRows } from './write-rows.ts';

/** The projection that this process keeps; other ones may follow the log beside it. */
export const PROJECTION = 'read-model';

/** Asks for the position: that of the last event that was applied, 0 before the first. */
export function positionQuery({ sql, table }: ReadModel) {
  return sql<{ position: string }[]>`
    select position from ${table('projections')} where name = ${PROJECTION}`;
}

/** The position that the read model shows. */
export async function readPosition(db: ReadModel): Promise<number> {
  const [row] = await positionQuery(db);
  return Number(row?.position ?? 0);
}

/**
 * Applies rows and moves the position to theirs, both or neither.
 * @returns false, with nothing written, if the position is not `from`: another projector has been further already, or
 * this one before its connection broke
 */
export async function advance(db: ReadModel, from: number, rows: Rows): Promise<boolean> {
  assert(rows.position > from, `a position only grows, from ${from} to ${rows.position}`);
  return writeRows(db, { projection: PROJECTION, from, rows });
}
