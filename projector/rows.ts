/** Rows as Postgres gives them (a bigint arrives as a string), and the resources that they are. */
import type { AccountResource, EntryResource, TransferResource } from '../contracts/http.ts';
import { available } from '../domain/account.ts';

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

export type TransferColumns = Omit<
  TransferResource,
  'reason' | 'created_at' | 'completed_at' | 'position'
> & {
  readonly reason: string | null;
  readonly created_at: Date;
  readonly completed_at: Date;
  readonly position: string;
};

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

export function transferFromRow({ reason, ...row }: TransferColumns): TransferResource {
  return {
    ...row,
    ...(reason === null ? {} : { reason }),
    created_at: row.created_at.toISOString(),
    completed_at: row.completed_at.toISOString(),
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
