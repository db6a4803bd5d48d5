/** A read model of its own for a test: a schema with a random name on the server that the run started. */
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import type { RecordedEvent } from '../../contracts/events.ts';
import { apply } from '../../projector/apply.ts';
import { advance, readPosition } from '../../projector/checkpoint.ts';
import { connectReadModel, type ReadModel } from '../../projector/database.ts';
import { migrate } from '../../projector/migrate.ts';

/** Connects to an empty read model, on the run's server or another one. */
export async function openReadModel(url = inject('servers').databaseUrl): Promise<ReadModel> {
  const db = connectReadModel(url, randomUUID().slice(0, 8));
  await migrate(db);
  return db;
}

/** Applies events that follow what is there. */
export async function project(db: ReadModel, events: readonly RecordedEvent[]): Promise<void> {
  await advance(db, await readPosition(db), apply(events));
}

/** Everything that the read model holds. */
export async function contents({ sql, table }: ReadModel) {
  return {
    projections: await sql`select * from ${table('projections')} order by name`,
    accounts: await sql`select * from ${table('accounts')} order by id`,
    transfers: await sql`select * from ${table('transfers')} order by id`,
    transactionAccounts:
      await sql`select * from ${table('transaction_accounts')} order by first_position, account`,
    entries: await sql`select * from ${table('entries')} order by position`,
    holds: await sql`select * from ${table('holds')} order by id`,
  };
}
