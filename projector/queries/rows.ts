/** Rows as Postgres gives them (a bigint arrives as a string), and the resources that they are. */
import type { AccountResource, EntryResource, HoldResource, TransferResource } from '../../contracts/http.ts';
import { available } from '../../domain/account.ts';

export type AccountColumns = {
  readonly id: string;
  readonly owner: string;
  readonly currency: string;
  readonly status: AccountResource['status'];
  readonly posted: string;
  readonly held: string;
  readonly overdraft_limit: string;
  readonly version: string;
  readonly metadata: Record<string, string>;
  readonly created_at: Date;
  readonly first_position: string;
};

/** Columns that are null where the resource lacks the field. */
const OPTIONAL_OF_TRANSFER = [
  'entries',
  'reason',
  'approval_expires_at',
  'scheduled_for',
  'rail',
  'hold',
  'reverses',
  'reversed',
  'reversals',
  'schedule',
  'bulk',
] as const;

const OPTIONAL_OF_HOLD = ['reason', 'transfer', 'expires_at'] as const;

/** These fields of a resource, as columns. */
type Nullable<Resource, Name extends keyof Resource> = {
  readonly [Each in Name]-?: Exclude<Resource[Each], undefined> | null;
};

type PositionColumns = { readonly position: string; readonly first_position: string };

type OptionalOfTransfer = Exclude<(typeof OPTIONAL_OF_TRANSFER)[number], 'reversals'>;

export type TransferColumns = Omit<
  TransferResource,
  OptionalOfTransfer | 'reversals' | 'created_at' | 'completed_at' | 'position'
> &
  Nullable<TransferResource, OptionalOfTransfer> &
  PositionColumns & {
    readonly created_at: Date;
    readonly completed_at: Date | null;
    /** Asked for with a single transfer only. */
    readonly reversals?: readonly string[] | null;
  };

type OptionalOfHold = (typeof OPTIONAL_OF_HOLD)[number];

export type HoldColumns = Omit<HoldResource, OptionalOfHold | 'created_at' | 'position'> &
  Nullable<HoldResource, OptionalOfHold> &
  PositionColumns & { readonly created_at: Date };

export type EntryColumns = Omit<EntryResource, 'position' | 'version' | 'created_at'> & {
  readonly position: string;
  readonly version: string;
  readonly created_at: Date;
};

/** What is available is added up here: it may pass what a bigint column holds. */
export function accountFromRow(row: AccountColumns): AccountResource {
  const { posted, held, overdraft_limit } = row;
  const holdings = {
    currency: row.currency,
    posted: BigInt(posted),
    held: BigInt(held),
    overdraftLimit: BigInt(overdraft_limit),
  };
  return {
    id: row.id,
    owner: row.owner,
    currency: row.currency,
    status: row.status,
    balances: { posted, held, available: available(holdings).toString() },
    overdraft_limit,
    version: Number(row.version),
    metadata: row.metadata,
    created_at: row.created_at.toISOString(),
  };
}

export function transferFromRow(row: TransferColumns): TransferResource {
  const { first_position: _, completed_at, ...rest } = row;
  return {
    ...without(rest, OPTIONAL_OF_TRANSFER),
    created_at: row.created_at.toISOString(),
    ...(completed_at === null ? {} : { completed_at: completed_at.toISOString() }),
    position: Number(row.position),
  };
}

export function holdFromRow(row: HoldColumns): HoldResource {
  const { first_position: _, ...rest } = row;
  return {
    ...without(rest, OPTIONAL_OF_HOLD),
    created_at: row.created_at.toISOString(),
    position: Number(row.position),
  };
}

export function entryFromRow(row: EntryColumns): EntryResource {
  return {
    ...row,
    position: Number(row.position),
    version: Number(row.version),
    created_at: row.created_at.toISOString(),
  };
}

/** A row without those of these columns that are null. */
function without<Row extends object, Name extends keyof Row>(row: Row, names: readonly Name[]) {
  const rest: Row = { ...row };
  for (const name of names) if (rest[name] === null) delete rest[name];
  return rest as Omit<Row, Name> & { [Each in Name]?: Exclude<Row[Each], null> };
}
