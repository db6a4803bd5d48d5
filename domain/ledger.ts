/**
 * The ledger: what a command means for all the aggregates that it touches, decided at once.
 * A transfer is two accounts' decisions and its own; either all their events are appended, or none.
 */
import { account, type AccountCommand, type AccountEvent, type AccountState } from './account.ts';
import { assert } from './assert.ts';
import { firstOf, rejection, type Rejection } from './rejections.ts';
import { transfer, type TransferEvent, type TransferState, type TransferTerms } from './transfer.ts';

export type Command =
  | { readonly type: 'account'; readonly id: string; readonly command: AccountCommand }
  | { readonly type: 'transfer'; readonly id: string; readonly terms: TransferTerms };

export type LedgerEvent =
  | { readonly aggregate: 'account'; readonly id: string; readonly event: AccountEvent }
  | { readonly aggregate: 'transfer'; readonly id: string; readonly event: TransferEvent };

/** How `decide` sees the ledger as it is now. */
export type LedgerView = {
  readonly account: (id: string) => AccountState;
  readonly transfer: (id: string) => TransferState;
};

export type LedgerDecision = {
  /** What to append; none if the command is refused without a trace, or asks for what is so already. */
  readonly events: readonly LedgerEvent[];
  /** Why it is refused, if it is. With events, the refusal itself is recorded. */
  readonly rejection?: Rejection;
};

/** The accounts that a command needs to see. */
export function accountsOf(command: Command): readonly string[] {
  return command.type === 'account' ? [command.id] : [command.terms.source, command.terms.destination];
}

/** Decides a command. Pure: the same command over the same view gives the same decision. */
export function decide(command: Command, view: LedgerView): LedgerDecision {
  return command.type === 'account'
    ? decideAccount(command, view)
    : decideTransfer(command.id, command.terms, view);
}

function decideAccount(command: Extract<Command, { type: 'account' }>, view: LedgerView): LedgerDecision {
  const { id } = command;
  const decision = account.decide(command.command, view.account(id));
  if (!decision.ok) return { events: [], rejection: decision.rejection };
  return { events: decision.events.map((event) => ({ aggregate: 'account', id, event })) };
}

/** An account that does not exist leaves no trace: the command named nothing. Every other refusal is an outcome. */
function decideTransfer(id: string, terms: TransferTerms, view: LedgerView): LedgerDecision {
  const { source, destination, amount, currency } = terms;
  const movement = { transfer: id, amount, currency };
  const out = account.decide({ type: 'withdraw', ...movement }, view.account(source));
  const into = account.decide({ type: 'deposit', ...movement }, view.account(destination));
  const refused = refusal(terms, [out, into]);
  if (refused?.code === 'account_not_found') return { events: [], rejection: refused };

  const command = refused
    ? ({ type: 'refuse', terms, rejection: refused } as const)
    : ({ type: 'post', terms } as const);
  const decided = transfer.decide(command, view.transfer(id));
  assert(decided.ok, 'a transfer always has an outcome');
  const outcome: LedgerEvent[] = decided.events.map((event) => ({ aggregate: 'transfer', id, event }));
  if (refused) return { events: outcome, rejection: refused };

  assert(out.ok && into.ok, 'a transfer posts only if both accounts agree');
  const legs: LedgerEvent[] = [
    ...out.events.map((event) => ({ aggregate: 'account' as const, id: source, event })),
    ...into.events.map((event) => ({ aggregate: 'account' as const, id: destination, event })),
  ];
  return { events: [...legs, ...outcome] };
}

function refusal(
  terms: TransferTerms,
  decisions: readonly ReturnType<typeof account.decide>[],
): Rejection | undefined {
  const all = decisions.flatMap((decision) => (decision.ok ? [] : [decision.rejection]));
  if (terms.source === terms.destination) {
    all.push(rejection('same_account', `Source and destination are both ${terms.source}.`));
  }
  return all.length === 0 ? undefined : all.reduce(firstOf);
}
