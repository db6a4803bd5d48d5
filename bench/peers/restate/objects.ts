/** Restate keeps the money itself: each account is a virtual object, and a transfer asks one and then the other. */
import * as restate from '@restatedev/restate-sdk';
import type { Outcome } from '../transfers.ts';

export type Request = Readonly<{
  key: string;
  source: string;
  destination: string;
  amount: string;
  currency: string;
}>;

/** `sent` counts the transfers that took money from here. */
export type Account = Readonly<{ balance: string; currency: string; sent: number }>;

type State = { account: Account };

export const account = restate.object({
  name: 'account',
  handlers: {
    open: async (ctx: restate.ObjectContext<State>, opened: Account): Promise<void> => {
      ctx.set('account', opened);
    },
    withdraw: async (ctx: restate.ObjectContext<State>, request: Request): Promise<boolean> => {
      const { balance, currency, sent } = await found(ctx, request);
      const left = BigInt(balance) - BigInt(request.amount);
      if (left < 0n) return false;
      ctx.set('account', { balance: `${left}`, currency, sent: sent + 1 });
      return true;
    },
    deposit: async (ctx: restate.ObjectContext<State>, request: Request): Promise<void> => {
      const { balance, ...rest } = await found(ctx, request);
      ctx.set('account', { ...rest, balance: `${BigInt(balance) + BigInt(request.amount)}` });
    },
    refund: async (ctx: restate.ObjectContext<State>, request: Request): Promise<void> => {
      const { balance, currency, sent } = await found(ctx, request);
      ctx.set('account', {
        balance: `${BigInt(balance) + BigInt(request.amount)}`,
        currency,
        sent: sent - 1,
      });
    },
  },
});

/** What cannot be deposited goes back. Restate sees the handler through, whatever ends in between. */
export const transfersBetweenObjects = restate.service({
  name: 'transfers',
  handlers: {
    transfer: async (ctx: restate.Context, request: Request): Promise<Outcome> => {
      const taken = await ctx.objectClient(account, request.source).withdraw(request);
      if (!taken) return 'insufficient_funds';
      try {
        await ctx.objectClient(account, request.destination).deposit(request);
      } catch (error) {
        if (!(error instanceof restate.TerminalError)) throw error;
        await ctx.objectClient(account, request.source).refund(request);
        throw error;
      }
      return 'posted';
    },
  },
});

async function found(ctx: restate.ObjectContext<State>, { currency }: Request): Promise<Account> {
  const stored = await ctx.get('account');
  if (stored === null || stored.currency !== currency) throw new restate.TerminalError('account_not_found');
  return stored;
}
