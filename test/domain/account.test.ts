import { describe, expect, test } from 'vitest';
import { account, available, type AccountEvent } from '../../domain/account.ts';
import { AMOUNT_MAX } from '../../domain/money.ts';
import { specify } from '../support/events/decider-spec.ts';

const created = (overdraftLimit = 0n): AccountEvent => ({
  type: 'AccountCreated',
  owner: 'alice',
  currency: 'EUR',
  overdraftLimit,
  metadata: {},
});
const moved = (type: 'MoneyDeposited' | 'MoneyWithdrawn', amount: bigint): AccountEvent => ({
  type,
  transfer: 't',
  amount,
  currency: 'EUR',
});
const deposited = (amount: bigint) => moved('MoneyDeposited', amount);
const withdrawn = (amount: bigint) => moved('MoneyWithdrawn', amount);
const purpose = { hold: 'h' };
const held = (amount: bigint): AccountEvent => ({ type: 'FundsHeld', purpose, amount });
const released = (amount: bigint): AccountEvent => ({ type: 'FundsReleased', purpose, amount });
const updated = (overdraftLimit: bigint): AccountEvent => ({ type: 'AccountUpdated', overdraftLimit });
const frozen: AccountEvent = { type: 'AccountFrozen' };
const unfrozen: AccountEvent = { type: 'AccountUnfrozen' };
const closed: AccountEvent = { type: 'AccountClosed' };

const deposit = (amount: bigint, currency = 'EUR') =>
  ({ type: 'deposit', transfer: 't', amount, currency }) as const;
const withdraw = (amount: bigint, currency = 'EUR') =>
  ({ type: 'withdraw', transfer: 't', amount, currency }) as const;
const hold = (amount: bigint, currency = 'EUR') => ({ type: 'hold', purpose, amount, currency }) as const;
const release = (amount: bigint) => ({ type: 'release', purpose, amount, currency: 'EUR' }) as const;
const update = (overdraftLimit: bigint) => ({ type: 'update', overdraftLimit }) as const;
const create = {
  type: 'create',
  owner: 'alice',
  currency: 'EUR',
  overdraftLimit: 0n,
  metadata: {},
} as const;

const alice = specify(account, 'alice');

describe('opening an account', () => {
  test('an account is created once', () => {
    alice.given().when(create).then(created());
    alice.given(created()).when(create).thenRejected('account_exists');
  });
  test('an id that was closed is not free again', () => {
    alice.given(created(), closed).when(create).thenRejected('account_exists');
  });
  test('nothing happens to an account that does not exist', () => {
    alice.given().when(deposit(1n)).thenRejected('account_not_found');
    alice.given().when(withdraw(1n)).thenRejected('account_not_found');
    alice.given().when(hold(1n)).thenRejected('account_not_found');
    alice.given().when(update(1n)).thenRejected('account_not_found');
    alice.given().when({ type: 'freeze' }).thenRejected('account_not_found');
    alice.given().when({ type: 'close' }).thenRejected('account_not_found');
  });
});

describe('moving money', () => {
  test('what was deposited can be withdrawn, to the last unit and no further', () => {
    alice.given(created(), deposited(100n)).when(withdraw(100n)).then(withdrawn(100n));
    alice.given(created(), deposited(100n)).when(withdraw(101n)).thenRejected('insufficient_funds');
    alice
      .given(created(), deposited(100n), withdrawn(40n))
      .when(withdraw(61n))
      .thenRejected('insufficient_funds');
  });
  test('an overdraft limit is spendable, and no more than that', () => {
    alice.given(created(50n)).when(withdraw(50n)).then(withdrawn(50n));
    alice.given(created(50n)).when(withdraw(51n)).thenRejected('insufficient_funds');
  });
  test('money of another currency is refused either way', () => {
    alice.given(created()).when(deposit(1n, 'USD')).thenRejected('currency_mismatch');
    alice.given(created()).when(withdraw(1n, 'USD')).thenRejected('currency_mismatch');
  });
  test('a balance never passes 2^63-1', () => {
    alice
      .given(created(), deposited(AMOUNT_MAX - 1n))
      .when(deposit(1n))
      .then(deposited(1n));
    alice.given(created(), deposited(AMOUNT_MAX)).when(deposit(1n)).thenRejected('amount_overflow');
  });
});

describe('holding money', () => {
  test('what is available can be held, to the last unit and no further', () => {
    alice.given(created(), deposited(100n)).when(hold(100n)).then(held(100n));
    alice.given(created(), deposited(100n)).when(hold(101n)).thenRejected('insufficient_funds');
    alice.given(created(50n), deposited(100n)).when(hold(150n)).then(held(150n));
    alice.given(created(50n), deposited(100n)).when(hold(151n)).thenRejected('insufficient_funds');
  });
  test('what is held is not there to be spent, nor to be held again', () => {
    const history = [created(), deposited(100n), held(60n)];
    alice
      .given(...history)
      .when(withdraw(40n))
      .then(withdrawn(40n));
    alice
      .given(...history)
      .when(withdraw(41n))
      .thenRejected('insufficient_funds');
    alice
      .given(...history)
      .when(hold(41n))
      .thenRejected('insufficient_funds');
  });
  test('what is released is there again', () => {
    alice.given(created(), deposited(100n), held(60n)).when(release(60n)).then(released(60n));
    alice
      .given(created(), deposited(100n), held(60n), released(60n))
      .when(withdraw(100n))
      .then(withdrawn(100n));
  });
  test('what was not held cannot be released: only a bug asks for that', () => {
    expect(() => alice.given(created(), deposited(9n), held(5n)).when(release(6n))).toThrow(/was held/);
  });
  test('money of another currency is refused', () => {
    alice.given(created(), deposited(9n)).when(hold(1n, 'USD')).thenRejected('currency_mismatch');
  });
  test('a frozen or a closed account holds nothing more, but what it held is released', () => {
    alice.given(created(), deposited(9n), frozen).when(hold(1n)).thenRejected('account_frozen');
    alice.given(created(), closed).when(hold(1n)).thenRejected('account_closed');
    alice.given(created(), deposited(9n), held(5n), frozen).when(release(5n)).then(released(5n));
  });
});

describe('changing the overdraft limit', () => {
  test('it is raised, and then there is more to spend', () => {
    alice.given(created()).when(update(50n)).then(updated(50n));
    alice.given(created(), updated(50n)).when(withdraw(50n)).then(withdrawn(50n));
    alice.given(created(), updated(50n)).when(withdraw(51n)).thenRejected('insufficient_funds');
  });
  test('it is lowered as far as what is spent and held leaves room, and no further', () => {
    const history = [created(100n), deposited(10n), withdrawn(40n), held(20n)];
    alice
      .given(...history)
      .when(update(50n))
      .then(updated(50n));
    alice
      .given(...history)
      .when(update(49n))
      .thenRejected('insufficient_funds');
  });
  test('a limit that it has already is no event', () => {
    alice.given(created(50n)).when(update(50n)).thenNothing();
  });
  test('a frozen account gets another limit, a closed one does not', () => {
    alice.given(created(), frozen).when(update(50n)).then(updated(50n));
    alice.given(created(), closed).when(update(50n)).thenRejected('account_closed');
    alice.given(created(), closed).when(update(0n)).thenRejected('account_closed');
  });
});

describe('freezing', () => {
  test('nothing leaves a frozen account, but money still arrives', () => {
    alice.given(created(), deposited(9n), frozen).when(withdraw(1n)).thenRejected('account_frozen');
    alice.given(created(), frozen).when(deposit(1n)).then(deposited(1n));
  });
  test('a frozen account is unfrozen and pays again', () => {
    alice.given(created(), frozen).when({ type: 'unfreeze', reason: 'ok' }).then({
      type: 'AccountUnfrozen',
      reason: 'ok',
    });
    alice.given(created(), deposited(9n), frozen, unfrozen).when(withdraw(1n)).then(withdrawn(1n));
  });
  test('asking for what is so already changes nothing', () => {
    alice.given(created(), frozen).when({ type: 'freeze' }).thenNothing();
    alice.given(created()).when({ type: 'unfreeze' }).thenNothing();
    alice.given(created(), closed).when({ type: 'close' }).thenNothing();
  });
});

describe('closing', () => {
  test('only an empty account is closed', () => {
    alice.given(created()).when({ type: 'close' }).then(closed);
    alice.given(created(), frozen).when({ type: 'close' }).then(closed);
    alice.given(created(), deposited(1n)).when({ type: 'close' }).thenRejected('account_not_empty');
    alice.given(created(9n), withdrawn(1n)).when({ type: 'close' }).thenRejected('account_not_empty');
    alice.given(created(9n), held(1n)).when({ type: 'close' }).thenRejected('account_not_empty');
  });
  test('a closed account takes part in nothing', () => {
    alice.given(created(), closed).when(deposit(1n)).thenRejected('account_closed');
    alice.given(created(), closed).when(withdraw(1n)).thenRejected('account_closed');
    alice.given(created(), closed).when({ type: 'freeze' }).thenRejected('account_closed');
    alice.given(created(), closed).when({ type: 'unfreeze' }).thenRejected('account_closed');
  });
});

describe('the world account', () => {
  const world = specify(account, 'world_EUR');
  test('it exists by itself and goes below zero without limit, short of what can be kept', () => {
    world.given().when(withdraw(AMOUNT_MAX)).then(withdrawn(AMOUNT_MAX));
    world.given(withdrawn(AMOUNT_MAX)).when(withdraw(1n)).thenRejected('amount_overflow');
  });
  test('it holds whatever is asked for', () => {
    world.given().when(hold(AMOUNT_MAX)).then(held(AMOUNT_MAX));
  });
  test('its limit and its status are nothing that anybody changes', () => {
    expect(() => world.given().when(update(5n))).toThrow(/no limit/);
    expect(() => world.given().when({ type: 'freeze' })).toThrow(/never changes/);
  });
  test('it has one currency', () => {
    world.given().when(withdraw(1n, 'USD')).thenRejected('currency_mismatch');
  });
});

test('available is posted less held plus the overdraft limit', () => {
  expect(available({ currency: 'EUR', posted: 10n, held: 3n, overdraftLimit: 5n })).toBe(12n);
});
