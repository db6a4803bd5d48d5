/** What a measuring process is given to do, and what it finds. */

/** Who pays whom. */
export type Pattern = 'uniform' | 'zipf' | 'hot source' | 'hot destination';

export type Task = {
  readonly natsUrl: string;
  readonly ledger: string;
} & (
  | {
      /** Transfers through an appender. */
      readonly type: 'append';
      readonly pattern: Pattern;
      readonly accounts: number;
      readonly callers: number;
      readonly seconds: number;
    }
  /** The same messages, made beforehand and published in batches of so many transfers, one batch after the other. */
  | { readonly type: 'publish'; readonly transfers: number; readonly seconds: number }
  /** Opens so many accounts, and moves money between all of them. */
  | { readonly type: 'fill'; readonly accounts: number; readonly transfers: number }
  /** Reads so many messages: as events, or only taking what an ordered consumer delivers. */
  | { readonly type: 'read'; readonly messages: number; readonly raw: boolean }
);

export type Found = {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Of the process at its end, after a garbage collection, in MiB. */
  readonly heapMiB: number;
  readonly rssMiB: number;
  /** Only when filling: the heap after so many accounts. */
  readonly heapByAccounts?: Readonly<Record<number, number>>;
};
