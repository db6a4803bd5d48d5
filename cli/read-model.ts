/** The read model that `verify` compares with the log, if there is one. */
import type { RecordedEvent } from '../contracts/events.ts';
import type { Finding } from '../eventlog/audit/finding.ts';
import { readPosition, readStandings } from '../projector/checkpoint.ts';
import { connectReadModel, isNotMigrated, isUnreachable, type ReadModel } from '../projector/database.ts';
import { CannotRun, type Context } from './command.ts';
import { ReadModelCheck } from './read-model-check.ts';

/** How far the read model was compared, or why it was not. */
export type ReadModelTold =
  | { readonly checked: true; readonly position: number }
  | { readonly checked: false; readonly reason: string };

export type ReadModelAnswer = {
  /** Where it is; infinite if there is none, so that the log is read to its end. */
  readonly position: () => Promise<number>;
  /** Takes the next event of the log; it must be one that the read model shows. */
  readonly add: (event: RecordedEvent, endsBatch: boolean) => Promise<Finding | undefined> | undefined;
  /** Compares the accounts. `readOn` reads the log up to the position that the read model has reached meanwhile. */
  readonly compareAccounts: (
    readOn: (to: number) => Promise<Finding | undefined>,
  ) => Promise<Finding | undefined>;
  readonly told: () => ReadModelTold;
  readonly end: () => Promise<void>;
};

/** @throws CannotRun if it is required and cannot be asked */
export async function findReadModel(
  { databaseUrl, ledger }: Context,
  wanted: 'required' | 'if there' | 'no',
): Promise<ReadModelAnswer> {
  if (wanted === 'no') return absent('--no-read-model was given');
  const db = connectReadModel(databaseUrl, ledger);
  const problem = await whyNot(db);
  if (problem === undefined) return present(db);
  await db.end();
  if (wanted === 'required') throw new CannotRun(`The read model cannot be compared: ${problem}.`);
  return absent(problem);
}

async function whyNot(db: ReadModel): Promise<string | undefined> {
  try {
    const standings = await readStandings(db);
    const lacking = standings.find(({ parked, error }) => parked > 0 || error !== null);
    if (!lacking) return undefined;
    const { name, parked, error } = lacking;
    return error === null
      ? `the projection "${name}" has parked what it could not apply, ${parked} in all`
      : `the projection "${name}" has stopped`;
  } catch (error) {
    if (isNotMigrated(error)) return `the database has no schema "${db.schema}"`;
    const { host, port } = db.sql.options;
    if (isUnreachable(error)) return `Postgres at ${host.join()}:${port.join()} does not answer`;
    return error instanceof Error ? error.message : String(error);
  }
}

function absent(reason: string): ReadModelAnswer {
  return {
    position: () => Promise.resolve(Number.POSITIVE_INFINITY),
    add: () => undefined,
    compareAccounts: () => Promise.resolve(undefined),
    told: () => ({ checked: false, reason }),
    end: () => Promise.resolve(),
  };
}

function present(db: ReadModel): ReadModelAnswer {
  const check = new ReadModelCheck(db);
  return {
    position: () => readPosition(db),
    add: (event, endsBatch) => check.add(event, endsBatch),
    compareAccounts: (readOn) => check.compareAccounts(readOn),
    told: () => ({ checked: true, position: check.position }),
    end: () => db.end(),
  };
}
