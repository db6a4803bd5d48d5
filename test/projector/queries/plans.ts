/** How Postgres carries out what it is asked: what the plan of a query has read, and what it should not have. */
import type postgres from 'postgres';

/** A query as the driver has sent it. */
export type Sent = { readonly query: string; readonly parameters: readonly unknown[] };

type Plan = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Plan[];
};

/** Carries a query out once more, and gives the plan with what each part of it has really read. */
export async function explain(sql: postgres.Sql, { query, parameters }: Sent): Promise<Plan> {
  const [row] = await sql.unsafe<{ 'QUERY PLAN': [{ Plan: Plan }] }[]>(
    `explain (analyze, timing off, format json) ${query}`,
    parameters as never,
  );
  return row!['QUERY PLAN'][0].Plan;
}

/** All parts of a plan. */
export function parts(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(parts)];
}

/** The rows that a part has given, and those that it has read and left out. */
function read(part: Plan): number {
  const { 'Actual Rows': given, 'Actual Loops': loops } = part;
  const removed = (part['Rows Removed by Filter'] ?? 0) + (part['Rows Removed by Index Recheck'] ?? 0);
  return Math.round((given + removed) * loops);
}

/** The rows that were read from tables and indexes. */
export function rowsRead(plan: Plan): number {
  const scans = parts(plan).filter((part) => /Scan/.test(part['Node Type']));
  return scans.reduce((sum, scan) => sum + read(scan), 0);
}

/** What makes a query slow as its tables grow: tables read from end to end, and more rows sorted than are shown. */
export function faults(plan: Plan, { sorted }: { sorted: number }): string[] {
  return parts(plan).flatMap((part) => {
    const { 'Node Type': type, 'Relation Name': table = '' } = part;
    if (type === 'Seq Scan') return [`reads all of ${table}`];
    const below = (part.Plans ?? []).reduce((sum, child) => sum + read(child), 0);
    return type.endsWith('Sort') && below > sorted ? [`sorts ${below} rows`] : [];
  });
}
