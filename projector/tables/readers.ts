/**
 * People who read the tables by a role of their own. They may have any transaction open for as long as they like, and
 * any settings: what keeps them from holding others up is here.
 */
import type { ReadModel } from './database.ts';

export const READER_ROLE = 'tallybook_reader';

/** Statements that let the role read all tables and views of a schema, if there is such a role. */
export function grantToReaders(schema: string): string {
  return `
    if exists (select from pg_roles where rolname = '${READER_ROLE}') then
      grant usage on schema "${schema}" to ${READER_ROLE};
      grant select on all tables in schema "${schema}" to ${READER_ROLE};
    end if;`;
}

/** Whether our own role may end their sessions; it sees them only then. */
export async function mayEndReads({ sql }: ReadModel): Promise<boolean> {
  const [role] = await sql<{ member: boolean }[]>`
    select pg_has_role(oid, 'usage') as member from pg_roles where rolname = ${READER_ROLE}`;
  return role?.member ?? true;
}

/**
 * Ends their sessions that are in a transaction for longer than this, whatever limits they have set themselves.
 * @returns how many
 */
export async function endLongReads({ sql }: ReadModel, transactionMaxMs: number): Promise<number> {
  const ended = await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where usename = ${READER_ROLE} and xact_start < now() - make_interval(secs => ${transactionMaxMs / 1_000})`;
  return ended.length;
}

/** Ends their sessions that use these tables now. */
export async function endReadsOf({ sql }: ReadModel, tables: readonly string[]): Promise<void> {
  await sql.unsafe(`
    select pg_terminate_backend(pid) from pg_stat_activity
    where usename = '${READER_ROLE}' and pid in (
      select pid from pg_locks
      where granted and relation = any (array[${tables.map((table) => `to_regclass('${table}')`).join()}]))`);
}
