/** What queries may ask of the read model. `projector/postgres.ts` answers from Postgres. */
import type { AccountResource, EntryResource, HoldResource, TransferResource } from '../contracts/http.ts';

export type Page<Item> = { readonly data: readonly Item[]; readonly next_cursor: string | null };

/** `cursor` is opaque: what `next_cursor` of the page before said. */
export type PageRequest = { readonly limit: number; readonly cursor?: string | undefined };

export type TransferFilter = {
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
  /** The log position that the read model shows: everything up to it, nothing after. 0 before the first event. */
  readonly position: () => Promise<number>;
  readonly account: (id: string) => Promise<AccountResource | undefined>;
  /** Oldest first. */
  readonly accounts: (
    filter: {
      owner?: string | undefined;
      status?: 'open' | 'frozen' | 'closed' | undefined;
      currency?: string | undefined;
    },
    page: PageRequest,
  ) => Promise<Page<AccountResource>>;
  /** With the ids of the reversals that were posted, oldest first. */
  readonly transfer: (id: string) => Promise<TransferResource | undefined>;
  /** Newest first, by when they began. */
  readonly transfers: (filter: TransferFilter, page: PageRequest) => Promise<Page<TransferResource>>;
  readonly hold: (id: string) => Promise<HoldResource | undefined>;
  /** Newest first, by when they were placed. */
  readonly holds: (
    filter: { account?: string | undefined; status?: HoldResource['status'] | undefined },
    page: PageRequest,
  ) => Promise<Page<HoldResource>>;
  /** Oldest first; `from` inclusive and `to` exclusive, RFC 3339. */
  readonly statement: (
    account: string,
    range: { from?: string | undefined; to?: string | undefined },
    page: PageRequest,
  ) => Promise<Page<EntryResource>>;
};

/** Thrown for a cursor that the list did not give. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
}

/** Thrown when the read model cannot be asked now: its database is down, too slow, or not set up yet. */
export class ReadModelUnavailable extends Error {
  override readonly name = 'ReadModelUnavailable';
}
