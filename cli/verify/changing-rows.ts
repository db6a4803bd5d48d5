/**
 * Compares rows that go on changing, as those of transfers and holds do, without remembering them. Each is what the
 * event at its position says, and is compared when that event is read. A row that is not there has been changed since:
 * then it stands at a later position, and is compared there.
 */
import type { Finding } from '../../eventlog/audit/finding.ts';
import { differenceOf, differs } from './compare-rows.ts';

/** A row as the log gives it, which knows where it began only if that was read just now; or as it was found. */
export type ChangingRow = {
  readonly id: string;
  readonly position?: number | undefined;
  readonly first_position?: number | undefined;
};

/** Where a row stands now. */
export type RowPosition = {
  readonly id: string;
  readonly position: number;
  readonly first_position: number;
};

export type Changing = {
  readonly table: string;
  /** The position up to which the log was read. */
  readonly to: number;
  /** The rows after the events that were read, each by its last one. */
  readonly wanted: readonly ChangingRow[];
  /** The rows that stand at the positions that were read. */
  readonly found: readonly ChangingRow[];
};

/**
 * The first difference.
 * @param positionsOf tells where rows stand now; those that are not there are left out
 */
export async function compareChanging(
  changing: Changing,
  positionsOf: (ids: readonly string[]) => Promise<readonly RowPosition[]>,
): Promise<Finding | undefined> {
  const { wanted, found } = changing;
  const at = new Map(found.map((row) => [row.position, row]));
  const absent = wanted.filter(({ position }) => !at.has(position));
  const now = absent.length === 0 ? [] : await positionsOf(absent.map(({ id }) => id));
  const byId = new Map(now.map((row) => [row.id, row]));
  const findings = [
    ...unexplained(changing),
    ...wanted.flatMap((row) => {
      const present = at.get(row.position);
      const what = present ? difference(row, present) : notMovedOn(row, byId.get(row.id), changing.to);
      return what === undefined ? [] : [findingAt(changing.table, row, what)];
    }),
  ];
  return findings.toSorted((a, b) => a.position - b.position)[0];
}

function unexplained({ table, wanted, found }: Changing): Finding[] {
  const positions = new Set(wanted.map(({ position }) => position));
  const later = new Map(wanted.map(({ id, position }) => [id, position]));
  return found
    .filter(({ position }) => !positions.has(position))
    .map((row) => {
      const next = later.get(row.id);
      const what =
        next === undefined
          ? 'the log gives no row of this position'
          : `the row of ${row.id} is as it was before the event at position ${next}`;
      return findingAt(table, row, what);
    });
}

function difference({ first_position, ...wanted }: ChangingRow, present: ChangingRow): string | undefined {
  if (first_position !== undefined) return differenceOf({ ...wanted, first_position }, present);
  const { first_position: _, ...rest } = present;
  return differenceOf(wanted, rest);
}

/** What is wrong with a row that is not at the position of its event; undefined if it has only moved on. */
function notMovedOn(
  { id, first_position }: ChangingRow,
  now: RowPosition | undefined,
  to: number,
): string | undefined {
  if (!now) return 'the row of this position is missing';
  if (now.position <= to) return `the row of ${id} is still that of position ${now.position}`;
  return first_position === undefined
    ? undefined
    : differenceOf({ first_position }, { first_position: now.first_position });
}

function findingAt(table: string, { position = 0 }: ChangingRow, what: string): Finding {
  return differs({ position, table }, what);
}
