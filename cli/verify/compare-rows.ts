/** Compares rows that were folded from the log with those that the read model has. */
import type { Finding } from '../../eventlog/audit/finding.ts';

type Row = object & { readonly position?: number | undefined };

/** A finding about a row. */
export function differs(
  { position, table }: { readonly position: number; readonly table: string },
  message: string,
): Finding {
  return { position, subject: table, event: '', code: 'read_model', message };
}

/** The first difference between two arrays of rows, both ordered by position. */
export function compareByPosition(
  table: string,
  folded: readonly Row[],
  found: readonly Row[],
): Finding | undefined {
  for (let at = 0; at < Math.max(folded.length, found.length); at += 1) {
    const [wanted, there] = [folded[at], found[at]];
    const [due, position] = [wanted?.position ?? Infinity, there?.position ?? Infinity];
    if (due < position) return differs({ position: due, table }, 'the row of this position is missing');
    if (position < due) return differs({ position, table }, 'the log gives no row of this position');
    if (!wanted || !there) continue;
    const difference = differenceOf(wanted, there);
    if (difference !== undefined) return differs({ position, table }, difference);
  }
  return undefined;
}

/** The first column that differs, in words. */
export function differenceOf(folded: object, found: object): string | undefined {
  for (const column of new Set([...Object.keys(folded), ...Object.keys(found)])) {
    const [wanted, there] = [folded, found].map((row) => canonical((row as Record<string, unknown>)[column]));
    if (wanted !== there) return `${column} is ${there}, but the log gives ${wanted}`;
  }
  return undefined;
}

/** A value as JSON, keys in order: Postgres orders those of an object in its own way. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (isObject(part) ? ordered(part) : part)) ?? 'not there';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function ordered(value: object): object {
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
