/** Folds the accounts with the domain's own rules, and holds every carried balance against that. */
import type { AccountRecord } from '../../contracts/events.ts';
import { account, available, isWorldAccount, type AccountState } from '../../domain/account.ts';
import { accountStateData } from '../../messages/mapping/event-data.ts';
import { AuditError } from './finding.ts';
import { domainEventOf } from './event-rules.ts';

export class AccountsCheck {
  readonly #states = new Map<string, AccountState>();
  readonly #sums = new Map<string, bigint>();

  /** The number of accounts with events. */
  get size(): number {
    return this.#states.size;
  }

  /** The sum of all posted balances, by currency. */
  get sums(): ReadonlyMap<string, bigint> {
    return this.#sums;
  }

  add(event: AccountRecord): void {
    const known = this.#states.get(event.aggregateId);
    const id = known?.id ?? ownText(event.aggregateId);
    const before = known ?? account.initialState(id);
    const after = account.evolve(before, domainEventOf(event));
    if (after.status === 'none') throw new AuditError('lifecycle', `it leaves no account ${id}`);
    if (after.held < 0n) {
      throw new AuditError('reservation', `the account ${id} has ${after.held} ${after.currency} held`);
    }
    requireCarried(event, accountStateData(after));
    if (!isWorldAccount(id) && available(after) < 0n) {
      throw new AuditError(
        'overdrawn',
        `the account ${id} has ${available(after)} ${after.currency} available`,
      );
    }
    const moved = after.posted - (before.status === 'none' ? 0n : before.posted);
    if (moved !== 0n) this.#sums.set(after.currency, (this.#sums.get(after.currency) ?? 0n) + moved);
    this.#states.set(id, after);
  }

  /**
   * A batch ends here. While every transfer has its debit and its credit this holds too; it is checked by itself, so that
   * it does not rest on what a check knows of transfers.
   */
  endBatch(): void {
    for (const [currency, sum] of this.#sums) {
      if (sum !== 0n) {
        throw new AuditError(
          'sum',
          `after its batch the posted balances in ${currency} sum to ${sum}, not to zero`,
        );
      }
    }
  }
}

function requireCarried(event: AccountRecord, after: ReturnType<typeof accountStateData>): void {
  const { status, currency, overdraft_limit, balances } = event.data;
  const compared = [
    ['status', status, after.status],
    ['currency', currency, after.currency],
    ['overdraft limit', overdraft_limit, after.overdraft_limit],
    ['posted balance', balances.posted, after.balances.posted],
    ['held balance', balances.held, after.balances.held],
    ['available balance', balances.available, after.balances.available],
  ] as const;
  for (const [what, carried, computed] of compared) {
    if (carried !== computed) {
      throw new AuditError(
        'balance',
        `it carries the ${what} ${carried}, but its account's events give ${computed}`,
      );
    }
  }
}

/** A copy of a text. One that is cut out of a longer text would keep all of that in memory. */
function ownText(text: string): string {
  return Buffer.from(text).toString();
}
