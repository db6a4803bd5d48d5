/** A read model of its own for a test: a schema with a random name on the server that the run started. */
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import type { RecordedEvent } from '../../contracts/events.ts';
import { PROJECTIONS } from '../../projector/projections/index.ts';
import { buildsOf } from '../../projector/tables/builds.ts';
import { readStatuses } from '../../projector/tables/checkpoint.ts';
import { connectReadModel, type ReadModel } from '../../projector/tables/database.ts';
import { ensureSchema } from '../../projector/tables/schema.ts';
import { writeRows } from '../../projector/tables/write-rows.ts';

/** Connects to an empty read model, on the run's server or another one. */
export async function openReadModel(url = inject('servers').databaseUrl): Promise<ReadModel> {
  const db = connectReadModel(url, randomUUID().slice(0, 8));
  await ensureSchema(db);
  return db;
}

/** Applies what projections do not have yet of these events. */
export async function project(db: ReadModel, events: readonly RecordedEvent[]): Promise<void> {
  const standings = await readStatuses(db);
  for (const projection of Object.values(PROJECTIONS)) {
    const standing = standings.find(({ name }) => name === projection.name)!;
    const news = events.filter(({ position }) => position > standing.position);
    if (news.length === 0) continue;
    const [live] = buildsOf(db, projection, standing);
    await writeRows(live!, { to: news.at(-1)!.position, rows: projection.apply(news) });
  }
}

/** Everything that the read model holds. */
export async function contents({ sql, table }: ReadModel) {
  return {
    projections: await sql`select * from ${table('projections')} order by name`,
    accounts: await sql`select * from ${table('accounts')} order by id`,
    transfers: await sql`select * from ${table('transfers')} order by id`,
    transactionAccounts:
      await sql`select * from ${table('transaction_accounts')} order by first_position, account`,
    labels: await sql`select * from ${table('labels')} order by kind, label, first_position`,
    accountLabels: await sql`select * from ${table('account_labels')} order by label, first_position`,
    totals: await sql`select * from ${table('daily_totals')} order by account, day`,
    entries: await sql`select * from ${table('entries')} order by position`,
    holds: await sql`select * from ${table('holds')} order by id`,
  };
}
