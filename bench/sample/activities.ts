/** The sample's bank: in memory, as there. A reference that comes again changes nothing. */
import { ApplicationFailure } from '@temporalio/common';
import { accountIds, type Count } from '../peers/transfers.ts';

export type Details = Readonly<{ source: string; destination: string; amount: string; reference: string }>;

export type Bank = Readonly<{
  open(accounts: number, funds: bigint): void;
  /** Adds to an account once for each reference. */
  change(account: string, amount: bigint, reference: string): void;
  count(): Count;
}>;

export function createBank(): Bank {
  const balances = new Map<string, bigint>();
  const done = new Set<string>();
  return {
    open(accounts, funds) {
      for (const id of accountIds(accounts)) balances.set(id, funds);
    },
    change(account, amount, reference) {
      if (done.has(reference)) return;
      const balance = balances.get(account);
      if (balance === undefined) throw ApplicationFailure.nonRetryable(account, 'AccountNotFound');
      if (balance + amount < 0n) throw ApplicationFailure.nonRetryable(account, 'InsufficientFunds');
      balances.set(account, balance + amount);
      done.add(reference);
    },
    count() {
      const all = [...balances.values()];
      return {
        transfers: [...done].filter((reference) => reference.startsWith('deposit/')).length,
        sum: all.reduce((total, balance) => total + balance, 0n),
        negative: all.filter((balance) => balance < 0n).length,
      };
    },
  };
}

export type Activities = ReturnType<typeof createActivities>;

export function createActivities(bank: Bank) {
  return {
    async withdraw({ source, amount, reference }: Details): Promise<string> {
      bank.change(source, -BigInt(amount), `withdrawal/${reference}`);
      return `withdrawal/${reference}`;
    },
    async deposit({ destination, amount, reference }: Details): Promise<string> {
      bank.change(destination, BigInt(amount), `deposit/${reference}`);
      return `deposit/${reference}`;
    },
    async refund({ source, amount, reference }: Details): Promise<string> {
      bank.change(source, BigInt(amount), `refund/${reference}`);
      return `refund/${reference}`;
    },
  };
}
