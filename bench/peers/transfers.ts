/** What every peer can do. Each keeps the money where people who use it would. */

export type Transfer = Readonly<{
  /** The `Idempotency-Key`. A key moves money once, and its transfer is named after it. */
  key: string;
  source: string;
  destination: string;
  amount: bigint;
  currency: string;
}>;

export type Outcome = 'posted' | 'insufficient_funds';

export type Count = Readonly<{
  /** How many transfers have moved money. */
  transfers: number;
  /** All balances together. */
  sum: bigint;
  /** How many accounts are below zero. */
  negative: number;
}>;

export type Peer = Readonly<{
  /** Opens `bench-0`, `bench-1`, … with so much on each. */
  open(accounts: number, funds: bigint): Promise<void>;
  /** Moves money, or refuses; when it answers, the outcome is on disk. */
  transfer(transfer: Transfer): Promise<Outcome>;
  /** The same for many at once, where the peer has a better way than one by one. */
  transferMany?(transfers: readonly Transfer[]): Promise<readonly Outcome[]>;
  /** Counted in the peer's store, not remembered. */
  count(): Promise<Count>;
  close(): Promise<void>;
}>;

export const CURRENCY = 'EUR';

export function accountId(index: number): string {
  return `bench-${index}`;
}

/** Accounts in the lists that some peers take at once. */
export function accountIds(accounts: number): string[] {
  return Array.from({ length: accounts }, (_, index) => accountId(index));
}
