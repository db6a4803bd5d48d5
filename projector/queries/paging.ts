/** Pages of a list. */
import { decodeCursor, encodeCursor, type PagePosition } from './cursor.ts';
import type { Page, PageRequest } from './read-store.ts';

/** Where the page begins: after this place; undefined if it is the first one. */
export function pagePosition(list: string, { cursor }: PageRequest): PagePosition | undefined {
  return cursor === undefined ? undefined : decodeCursor(list, cursor);
}

/** One row more than the page holds was asked for: if it came, there is a next page, after the last row of this one. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  { limit }: PageRequest,
  as: { readonly item: (row: Row) => Item; readonly cursor: (row: Row) => string },
): Page<Item> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const next = rows.length > limit && last !== undefined ? as.cursor(last) : null;
  return { data: kept.map(as.item), next_cursor: next };
}

/** The cursor after a row, in a list that is ordered by where things began. */
export function afterFirstPosition(list: string) {
  return (row: { readonly first_position: string }) =>
    encodeCursor(list, { position: Number(row.first_position) });
}
