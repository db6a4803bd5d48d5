/**
 * An account: it is opened, money is deposited and withdrawn, a part of it is held and released, it is frozen and
 * unfrozen, and closed when it is empty.
 * Customer accounts are credit-normal: `available = posted - held + overdraftLimit`, and it never goes below zero.
 * The world account of a currency stands for everything outside the ledger. It exists by itself, is always open,
 * and alone may go below zero: that is what keeps deposits and withdrawals double-entry.
 */
import { accept, reject, type Decider, type Decision } from './decider.ts';
import { assert, unreachable } from './assert.ts';
import { overflows } from './money.ts';
import { rejection, type Rejection } from './rejections.ts';

export type Metadata = Readonly<Record<string, string>>;

/** What an account holds, in minor units of its currency. */
export type Holdings = {
  readonly currency: string;
  /** Money that has moved. */
  readonly posted: bigint;
  /** The part of it that is reserved. */
  readonly held: bigint;
  /** How far `posted - held` may go below zero. */
  readonly overdraftLimit: bigint;
};

export type AccountStatus = 'open' | 'frozen' | 'closed';

export type AccountState = { readonly id: string } & (
  { readonly status: 'none' } | ({ readonly status: AccountStatus } & Holdings)
);

/** What money is held for. */
export type Purpose = { readonly hold: string } | { readonly transfer: string };

/** An account that exists. */
export type ExistingAccount = Exclude<AccountState, { status: 'none' }>;

export type AccountCommand =
  | {
      readonly type: 'create';
      readonly owner: string;
      readonly currency: string;
      readonly overdraftLimit: bigint;
      readonly metadata: Metadata;
    }
  | {
      readonly type: 'deposit' | 'withdraw';
      readonly transfer: string;
      readonly amount: bigint;
      readonly currency: string;
    }
  | {
      readonly type: 'hold' | 'release';
      readonly purpose: Purpose;
      readonly amount: bigint;
      readonly currency: string;
    }
  | { readonly type: 'update'; readonly overdraftLimit: bigint }
  | { readonly type: 'freeze' | 'unfreeze' | 'close'; readonly reason?: string };

export type AccountEvent =
  | {
      readonly type: 'AccountCreated';
      readonly owner: string;
      readonly currency: string;
      readonly overdraftLimit: bigint;
      readonly metadata: Metadata;
    }
  | {
      readonly type: 'MoneyDeposited' | 'MoneyWithdrawn';
      readonly transfer: string;
      readonly amount: bigint;
      readonly currency: string;
    }
  | { readonly type: 'FundsHeld' | 'FundsReleased'; readonly purpose: Purpose; readonly amount: bigint }
  | { readonly type: 'AccountUpdated'; readonly overdraftLimit: bigint }
  | { readonly type: 'AccountFrozen' | 'AccountUnfrozen' | 'AccountClosed'; readonly reason?: string };

const WORLD = /^world_([A-Z]{3})$/;

/** The id of a currency's world account. */
export function worldAccount(currency: string): string {
  return `world_${currency}`;
}

/** True for the id of a world account. */
export function isWorldAccount(id: string): boolean {
  return WORLD.test(id);
}

/** What can be spent: `posted - held + overdraftLimit`, in minor units. */
export function available(account: Holdings): bigint {
  return account.posted - account.held + account.overdraftLimit;
}

function initialState(id: string): AccountState {
  const currency = WORLD.exec(id)?.[1];
  if (currency === undefined) return { id, status: 'none' };
  return { id, status: 'open', currency, posted: 0n, held: 0n, overdraftLimit: 0n };
}

function decide(command: AccountCommand, state: AccountState): Decision<AccountEvent> {
  if (command.type === 'create') {
    if (state.status !== 'none') {
      return reject(rejection('account_exists', `Account ${state.id} already exists.`));
    }
    const { owner, currency, overdraftLimit, metadata } = command;
    return accept<AccountEvent>({ type: 'AccountCreated', owner, currency, overdraftLimit, metadata });
  }
  if (state.status === 'none') {
    return reject(rejection('account_not_found', `Account ${state.id} does not exist.`));
  }
  switch (command.type) {
    case 'deposit':
    case 'withdraw':
      return decideMovement(command, state);
    case 'hold':
      return decideHold(command, state);
    case 'release':
      assert(state.held >= command.amount, 'what is released was held');
      return accept<AccountEvent>({
        type: 'FundsReleased',
        purpose: command.purpose,
        amount: command.amount,
      });
    case 'update':
      return decideUpdate(command.overdraftLimit, state);
    case 'freeze':
    case 'unfreeze':
    case 'close':
      return decideStatus(command, state);
  }
}

function decideMovement(
  command: Extract<AccountCommand, { type: 'deposit' | 'withdraw' }>,
  state: ExistingAccount,
): Decision<AccountEvent> {
  const { transfer, amount, currency } = command;
  const paysOut = command.type === 'withdraw';
  const why = movementRejection(state, { amount, currency, paysOut });
  if (why) return reject(why);
  if (overflows(paysOut ? state.posted - amount : state.posted + amount)) {
    const detail = `The balance of account ${state.id} would exceed 2^63-1 minor units.`;
    return reject(rejection('amount_overflow', detail));
  }
  return accept<AccountEvent>({
    type: paysOut ? 'MoneyWithdrawn' : 'MoneyDeposited',
    transfer,
    amount,
    currency,
  });
}

/** To hold money is the first half of taking it, so the same stands in its way. */
function decideHold(
  { purpose, amount, currency }: Extract<AccountCommand, { type: 'hold' | 'release' }>,
  state: ExistingAccount,
): Decision<AccountEvent> {
  const why = movementRejection(state, { amount, currency, paysOut: true });
  if (why) return reject(why);
  if (overflows(state.held + amount)) {
    const detail = `The held balance of account ${state.id} would exceed 2^63-1 minor units.`;
    return reject(rejection('amount_overflow', detail));
  }
  return accept<AccountEvent>({ type: 'FundsHeld', purpose, amount });
}

/**
 * Why an account does not take part in a movement.
 * A freeze stops what leaves an account, not what arrives: money from outside has moved already, and turning it
 * away would only lose track of it.
 */
function movementRejection(
  state: ExistingAccount,
  { amount, currency, paysOut }: { amount: bigint; currency: string; paysOut: boolean },
): Rejection | undefined {
  assert(amount > 0n, 'an amount is positive');
  if (currency !== state.currency) {
    const detail = `Account ${state.id} is in ${state.currency}, not in ${currency}.`;
    return rejection('currency_mismatch', detail);
  }
  if (state.status === 'closed') return rejection('account_closed', `Account ${state.id} is closed.`);
  if (!paysOut) return undefined;
  if (state.status === 'frozen') return rejection('account_frozen', `Account ${state.id} is frozen.`);
  if (!isWorldAccount(state.id) && available(state) < amount) {
    const detail = `Account ${state.id} has ${available(state)} available, less than ${amount}.`;
    return rejection('insufficient_funds', detail);
  }
  return undefined;
}

/** A limit is lowered only as far as what is spent and held leaves room. */
function decideUpdate(overdraftLimit: bigint, state: ExistingAccount): Decision<AccountEvent> {
  assert(!isWorldAccount(state.id), 'a world account has no limit');
  if (state.status === 'closed') {
    return reject(rejection('account_closed', `Account ${state.id} is closed.`));
  }
  if (overdraftLimit === state.overdraftLimit) return accept();
  const left = available({ ...state, overdraftLimit });
  if (left < 0n) {
    const detail = `With an overdraft limit of ${overdraftLimit}, account ${state.id} would have ${left} available.`;
    return reject(rejection('insufficient_funds', detail));
  }
  return accept<AccountEvent>({ type: 'AccountUpdated', overdraftLimit });
}

/** Asking for what is so already is no error and no event. */
function decideStatus(
  command: Extract<AccountCommand, { type: 'freeze' | 'unfreeze' | 'close' }>,
  state: ExistingAccount,
): Decision<AccountEvent> {
  assert(!isWorldAccount(state.id), 'the status of a world account never changes');
  const reason = command.reason === undefined ? {} : { reason: command.reason };
  if (command.type === 'close') {
    if (state.status === 'closed') return accept();
    if (state.posted !== 0n || state.held !== 0n) {
      const detail = `Account ${state.id} has ${state.posted} posted and ${state.held} held.`;
      return reject(rejection('account_not_empty', detail));
    }
    return accept<AccountEvent>({ type: 'AccountClosed', ...reason });
  }
  if (state.status === 'closed') {
    return reject(rejection('account_closed', `Account ${state.id} is closed.`));
  }
  if (command.type === 'freeze') {
    return state.status === 'frozen' ? accept() : accept<AccountEvent>({ type: 'AccountFrozen', ...reason });
  }
  return state.status === 'open' ? accept() : accept<AccountEvent>({ type: 'AccountUnfrozen', ...reason });
}

function evolve(state: AccountState, event: AccountEvent): AccountState {
  if (event.type === 'AccountCreated') {
    const { currency, overdraftLimit } = event;
    return { id: state.id, status: 'open', currency, posted: 0n, held: 0n, overdraftLimit };
  }
  assert(state.status !== 'none', `${event.type} happens only to an account that exists`);
  switch (event.type) {
    case 'MoneyDeposited':
      return { ...state, posted: state.posted + event.amount };
    case 'MoneyWithdrawn':
      return { ...state, posted: state.posted - event.amount };
    case 'FundsHeld':
      return { ...state, held: state.held + event.amount };
    case 'FundsReleased':
      return { ...state, held: state.held - event.amount };
    case 'AccountUpdated':
      return { ...state, overdraftLimit: event.overdraftLimit };
    case 'AccountFrozen':
      return { ...state, status: 'frozen' };
    case 'AccountUnfrozen':
      return { ...state, status: 'open' };
    case 'AccountClosed':
      return { ...state, status: 'closed' };
  }
  return unreachable(event);
}

export const account: Decider<AccountState, AccountCommand, AccountEvent> = { initialState, decide, evolve };
