/** What clients of a ledger asked and were answered, and the reference model's rules to explain it by. */
import type { CommandRequest } from '../../../messages/commands.ts';
import type { Model, Operation } from './linearizable.ts';
import { wanted } from './reference-rules.ts';
import {
  tellAccount,
  tellHold,
  untouched,
  type Account,
  type Look,
  type Things,
} from './reference-things.ts';

export type LedgerCall =
  | { readonly type: 'command'; readonly request: CommandRequest }
  | { readonly type: 'read'; readonly account: string };

/** A command's is `done`, or the code of what was in its way; a read's is told by `tellBalances`. */
export type LedgerResponse = string;

export type LedgerOperation = Operation<LedgerCall, LedgerResponse>;

type State = ReadonlyMap<string, Things[keyof Things]>;

/** The ledger as the reference model has it, beginning with these accounts. */
export function ledgerModel(
  accounts: Readonly<Record<string, Account>>,
): Model<State, LedgerCall, LedgerResponse> {
  return {
    initial: new Map(Object.entries(accounts).map(([id, account]) => [`account ${id}`, account])),
    step(state, call, answer) {
      if (call.type === 'read') {
        const account = look(state)('account', call.account);
        return answer === (account && tellBalances(account)) ? state : undefined;
      }
      const { lines, response: text } = wanted(call.request, look(state));
      if (answer !== undefined && answer !== inShort(text)) return undefined;
      return new Map([...state, ...lines.map(({ kind, id, after }) => [`${kind} ${id}`, after] as const)]);
    },
    observes: ({ type }, answer) => type === 'read' || answer !== 'done',
    key: (state) => {
      const text = [...state].map(([name, thing]) => `${name} ${tellThing(thing)}`);
      return text
        .filter((line) => !line.endsWith(' rejected'))
        .toSorted()
        .join('\n');
    },
  };
}

function look(state: State): Look {
  return (kind, id) =>
    (state.get(`${kind} ${id}`) ?? (kind === 'account' ? untouched(id) : undefined)) as never;
}

/** `transfer t1 posted, 0 undone` is done, and `error hold_not_active` is not. */
function inShort(text: string): LedgerResponse {
  return /^(?:error|rejected) (\w+)$/.exec(text)?.[1] ?? / because (\w+)$/.exec(text)?.[1] ?? 'done';
}

/** What a read of an account's balances shows. */
export function tellBalances(account: Pick<Account, 'posted' | 'held' | 'limit'>): LedgerResponse {
  return `${account.posted} posted, ${account.held} held, ${account.posted - account.held + account.limit} available`;
}

/** That a transfer was rejected is told by its answer, and changes nothing. */
function tellThing(thing: Things[keyof Things]): string {
  if ('posted' in thing) return tellAccount(thing);
  return 'captured' in thing ? tellHold(thing) : thing.status;
}
