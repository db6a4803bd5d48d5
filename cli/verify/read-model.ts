/** The read model that `verify` compares with the log, if there is one. */
import type { RecordedEvent } from '../../contracts/events.ts';
import type { Finding } from '../../eventlog/audit/finding.ts';
import { PROJECTION_NAMES, type ProjectionName } from '../../projector/projections/projection.ts';
import { readPosition, readStatuses, type ProjectionStatus } from '../../projector/tables/checkpoint.ts';
import {
  connectReadModel,
  lacksTables,
  isUnreachable,
  type ReadModel,
} from '../../projector/tables/database.ts';
import { CannotRun, type Context } from '../command.ts';
import { ReadModelCheck } from './read-model-check.ts';

/** How far the read model was compared, or why it was not. */
export type ReadModelSummary =
  | { readonly checked: true; readonly position: number; readonly not_compared?: readonly string[] }
  | { readonly checked: false; readonly reason: string };

export type ReadModelComparison = {
  /** Where it is; infinite if there is none, so that the log is read to its end. */
  readonly position: () => Promise<number>;
  /** Takes the next event of the log; it must be one that the read model shows. */
  readonly add: (event: RecordedEvent, endsBatch: boolean) => Promise<Finding | undefined> | undefined;
  /** Compares the accounts. `readOn` reads the log up to the position that the read model has reached meanwhile. */
  readonly compareAccounts: (
    readOn: (to: number) => Promise<Finding | undefined>,
  ) => Promise<Finding | undefined>;
  readonly summary: () => ReadModelSummary;
  readonly end: () => Promise<void>;
};

/** @throws CannotRun if it is required and cannot be asked */
export async function findReadModel(
  { databaseUrl, ledger }: Context,
  wanted: 'required' | 'if there' | 'no',
): Promise<ReadModelComparison> {
  if (wanted === 'no') return absent('--no-read-model was given');
  const db = connectReadModel(databaseUrl, ledger);
  const found = await examine(db);
  const problem = typeof found === 'string' ? found : found.lacking.map(whatLacks).join('; ');
  const comparable = typeof found !== 'string' && found.compared.length > 0;
  if (comparable && (problem === '' || wanted !== 'required')) return present(db, found);
  await db.end();
  if (wanted === 'required') throw new CannotRun(`The read model cannot be compared: ${problem}.`);
  return absent(problem);
}

/** Which projections show all that they should, and which do not. */
type Found = { readonly compared: readonly ProjectionName[]; readonly lacking: readonly ProjectionStatus[] };

function whatLacks({ name, parked, error }: ProjectionStatus): string {
  return error === null
    ? `the projection "${name}" has parked what it could not apply, ${parked} in all`
    : `the projection "${name}" has stopped`;
}

/** A text, if the read model cannot be asked. */
async function examine(db: ReadModel): Promise<Found | string> {
  try {
    const statuses = await readStatuses(db);
    const lacking = statuses.filter(({ parked, error }) => parked > 0 || error !== null);
    const lacks = (name: string) => lacking.some((each) => each.name === name);
    return { lacking, compared: PROJECTION_NAMES.filter((name) => !lacks(name)) };
  } catch (error) {
    if (lacksTables(error)) return `the database has no schema "${db.schema}"`;
    const { host, port } = db.sql.options;
    if (isUnreachable(error)) return `Postgres at ${host.join()}:${port.join()} does not answer`;
    return error instanceof Error ? error.message : String(error);
  }
}

function absent(reason: string): ReadModelComparison {
  return {
    position: () => Promise.resolve(Number.POSITIVE_INFINITY),
    add: () => undefined,
    compareAccounts: () => Promise.resolve(undefined),
    summary: () => ({ checked: false, reason }),
    end: () => Promise.resolve(),
  };
}

function present(db: ReadModel, { compared, lacking }: Found): ReadModelComparison {
  const check = new ReadModelCheck(db, undefined, compared);
  return {
    position: async () => Math.min(...(await Promise.all(compared.map((name) => readPosition(db, name))))),
    add: (event, endsBatch) => check.add(event, endsBatch),
    compareAccounts: (readOn) => check.compareAccounts(readOn),
    summary: () => ({
      checked: true,
      position: check.position,
      ...(lacking.length === 0 ? {} : { not_compared: lacking.map(whatLacks) }),
    }),
    end: () => db.end(),
  };
}
