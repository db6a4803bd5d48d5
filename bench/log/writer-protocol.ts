/** What the processes of `writer-process.ts` are told, and what they tell. */

export type Load = {
  readonly accounts: number;
  /** Every transfer leaves the first account. */
  readonly hot: boolean;
  /** Each asks again as soon as it is answered. */
  readonly callers: number;
  /** Makes the transfers' ids and the choice of accounts. */
  readonly seed: number;
};

export type Joining = {
  readonly natsUrl: string;
  readonly ledger: string;
  /** The process's name among the ledger's writers. */
  readonly id: string;
  /** False: an optimistic writer, which decides for itself. */
  readonly leased: boolean;
  /** A file for a line about every answer. */
  readonly record?: string;
};

export type ToWriter =
  | ({ readonly type: 'join' } & Joining)
  | ({ readonly type: 'load' } & Load)
  /** Counts from now on. */
  | { readonly type: 'mark' }
  | { readonly type: 'stop' }
  | { readonly type: 'leave' };

/** From the mark to the stop. */
export type Counted = {
  readonly decided: number;
  /** How often a command had to be asked again. */
  readonly retries: number;
  readonly elapsedMs: number;
  /** What the process computed meanwhile. */
  readonly cpuMs: number;
};

export type FromWriter = { readonly type: 'joined' | 'left' } | ({ readonly type: 'stopped' } & Counted);

/** One answered transfer in the record. */
export type RecordLine = { readonly id: string; readonly position: number; readonly completed: boolean };

/** The name of an account of the load. */
export function accountName(index: number): string {
  return `account-${index}`;
}
