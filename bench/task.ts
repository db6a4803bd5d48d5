/** What the load generator is told to do, and what it finds. */
import type { Pattern } from './log/task.ts';

/** `bench-0`, `bench-1`, … */
export type Accounts = { readonly name: string; readonly count: number };

/** The name of one of them. */
export function accountId({ name }: Accounts, index: number): string {
  return `${name}-${index}`;
}

/** All their names. */
export function accountIds(accounts: Accounts): string[] {
  return Array.from({ length: accounts.count }, (_, index) => accountId(accounts, index));
}

/** What one client asks for, again and again. */
export type Operation =
  /** `POST /v1/transfers`, to be posted at once. */
  | { readonly type: 'transfer'; readonly accounts: Accounts; readonly pattern: Pattern }
  /** A transfer that waits for its approval, and the approval. */
  | { readonly type: 'approval'; readonly accounts: Accounts }
  /** A workflow that does nothing, with eager start or without. */
  | { readonly type: 'noop'; readonly start: 'eager' | 'plain' }
  /** `POST /v1/bulk` with so many transfers at once. */
  | { readonly type: 'several'; readonly accounts: Accounts; readonly count: number };

/** When they ask. */
export type Loop =
  /** Each client as soon as it is answered, or so much later. */
  | { readonly type: 'closed'; readonly clients: number; readonly pauseMs?: number }
  /** As many a second as are planned, whether or not those before are answered. */
  | { readonly type: 'open'; readonly perSecond: number };

export type Task = { readonly url: string; readonly seconds: number } & (
  | {
      readonly type: 'load';
      readonly operation: Operation;
      readonly loop: Loop;
      /** Also sees for some of them how long after the answer the read model shows them. */
      readonly watch?: boolean;
    }
  /** One bulk, until all its results are known; however long that takes. */
  | { readonly type: 'bulk'; readonly accounts: Accounts; readonly count: number }
  /** Clients that deposit and read, one for each account. */
  | { readonly type: 'read your writes'; readonly accounts: Accounts }
);

/** Rates are of transfers, latencies in milliseconds. */
export type Measured = {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Transfers that were answered as done, before and after what was measured too. */
  readonly done: number;
  /** Answers that should not have been, by what they were. */
  readonly failures: Readonly<Record<string, number>>;
  /** From the answer until the read model shows it. */
  readonly visible?: { readonly p50: number; readonly p99: number };
  /** What the generator itself computed for a transfer, in microseconds. */
  readonly cpuMicros?: number;
};
