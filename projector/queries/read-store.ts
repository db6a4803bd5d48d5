/** What queries may ask of the read model. `projector/queries/postgres.ts` answers from Postgres. */
import type { AccountResource, EntryResource, HoldResource, TransferResource } from '../../contracts/http.ts';
import type { DailyTotals } from '../../contracts/projections.ts';
import type { ProjectionName } from '../projections/projection.ts';
import type { ProjectionStatus } from '../tables/checkpoint.ts';

export type Page<Item> = { readonly data: readonly Item[]; readonly next_cursor: string | null };

/** `cursor` is opaque: what `next_cursor` of the page before said. */
export type PageRequest = { readonly limit: number; readonly cursor?: string | undefined };

/** Values of its metadata that a thing must have, all of them. */
type WithMetadata = { readonly metadata?: Readonly<Record<string, string>> | undefined };

export type AccountFilter = WithMetadata & {
  readonly owner?: string | undefined;
  readonly status?: AccountResource['status'] | undefined;
  readonly currency?: string | undefined;
};

export type HoldFilter = WithMetadata & {
  readonly account?: string | undefined;
  readonly status?: HoldResource['status'] | undefined;
};

export type TransferFilter = WithMetadata & {
  /** Either side, or in any of the entries. */
  readonly account?: string | undefined;
  readonly status?: TransferResource['status'] | undefined;
  readonly reference?: string | undefined;
  /** The transfer that it undoes. */
  readonly reverses?: string | undefined;
  readonly schedule?: string | undefined;
  readonly bulk?: string | undefined;
};

export type ReadStore = {
  /**
   * The log position that a projection shows: everything up to it, nothing after. Without a name, that which all have
   * reached. 0 before the first event.
   */
  readonly position: (projection?: ProjectionName) => Promise<number>;
  /** How every projection stands. */
  readonly projections: () => Promise<ProjectionStatus[]>;
  readonly account: (id: string) => Promise<AccountResource | undefined>;
  /** Oldest first. */
  readonly accounts: (filter: AccountFilter, page: PageRequest) => Promise<Page<AccountResource>>;
  /** With the ids of the reversals that were posted, oldest first. */
  readonly transfer: (id: string) => Promise<TransferResource | undefined>;
  /** Newest first, by when they began. */
  readonly transfers: (filter: TransferFilter, page: PageRequest) => Promise<Page<TransferResource>>;
  readonly hold: (id: string) => Promise<HoldResource | undefined>;
  /** Newest first, by when they were placed. */
  readonly holds: (filter: HoldFilter, page: PageRequest) => Promise<Page<HoldResource>>;
  /** Oldest first; `from` inclusive and `to` exclusive, RFC 3339. */
  readonly statement: (
    account: string,
    range: { from?: string | undefined; to?: string | undefined },
    page: PageRequest,
  ) => Promise<Page<EntryResource>>;
  /** Oldest first, days without entries left out; `from` inclusive and `to` exclusive, as 2026-11-23. */
  readonly totals: (
    account: string,
    range: { from?: string | undefined; to?: string | undefined },
    page: PageRequest,
  ) => Promise<Page<DailyTotals>>;
};

/** Thrown for a cursor that the list did not give. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
}

/** Thrown when the read model cannot be asked now: its database is down, too slow, or not set up yet. */
export class ReadModelUnavailable extends Error {
  override readonly name = 'ReadModelUnavailable';
}
