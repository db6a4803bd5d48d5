/** The role for people: it can read, and nothing else. */
import postgres from 'postgres';
import { schemaOf } from '../projector/tables/database.ts';
import { READER_ROLE } from '../projector/tables/readers.ts';
import type { Secrets } from './secrets.ts';

/** What a session begins with. It may change these, so the projector has limits of its own for it. */
const SESSION = {
  statement_timeout: '30s',
  idle_in_transaction_session_timeout: '30s',
  transaction_timeout: '60s',
  default_transaction_read_only: 'on',
};

/** Cannot be changed by a session. */
const CONNECTIONS_MAX = 10;
const TEMPORARY_FILES_MAX = '1GB';

type Reader = Readonly<{ ledger: string }> & Pick<Secrets, 'readerPassword'>;

/**
 * Makes the role, or sets it up as it should be. It finds the views of the ledger without naming their schema.
 * @param url the owner's
 */
export async function ensureReader(url: string, { ledger, readerPassword }: Reader): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} });
  const settings = { ...SESSION, temp_file_limit: TEMPORARY_FILES_MAX };
  try {
    await sql.unsafe(`
      do $$ begin
        if not exists (select from pg_roles where rolname = '${READER_ROLE}') then
          create role ${READER_ROLE};
        end if;
      end $$;
      alter role ${READER_ROLE} login connection limit ${CONNECTIONS_MAX} password '${readerPassword}';
      alter role ${READER_ROLE} set search_path = "${schemaOf(ledger)}";
      ${Object.entries(settings)
        .map(([name, value]) => `alter role ${READER_ROLE} set ${name} = '${value}';`)
        .join('\n')}
      -- Everybody may make these, unless told otherwise.
      revoke temporary on database postgres from public;
      revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public;`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
