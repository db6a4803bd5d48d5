/** `state`: an account as it was. */
import { ID_PATTERN } from '../../contracts/subjects.ts';
import { isWorldAccount } from '../../domain/account.ts';
import type { At } from '../../eventlog/read/event-reader.ts';
import { untouchedWorldAccount } from '../../messages/mapping/resources.ts';
import {
  CannotRun,
  EXIT,
  WrongUsage,
  type Command,
  type Context,
  type ExitCode,
  type Input,
} from '../command.ts';
import { parseAt } from '../argument-values.ts';

export const stateCommand: Command = {
  name: 'state',
  takes: '<account> [--at <position | time>]',
  summary: 'Shows an account as it was at a position or a time, from the log alone.',
  help: `A time is RFC 3339, such as 2026-11-23T08:00:00Z, and counts with that moment included. Without --at it is the
account as it is now. A world account is empty before its first event; of any other one that did not exist by then
the command says so, and exits with 2.`,
  positionals: [1, 1],
  options: {
    at: { value: '<position | time>', text: 'when; now if it is not given' },
    json: { text: 'as one JSON object' },
  },
  run: state,
};

type State = Readonly<{
  account: string;
  status: string;
  currency: string;
  balances: { posted: string; held: string; available: string };
  overdraft_limit: string;
  version: number;
  /** Of the last event by then; none for a world account that nothing had touched. */
  position: number | null;
  time: string | null;
}>;

async function state(input: Input, context: Context): Promise<ExitCode> {
  const [account = ''] = input.positionals;
  if (!ID_PATTERN.test(account)) throw new WrongUsage(`"${account}" is no id of an account.`);
  const typed = input.value('at');
  const at = typed === undefined ? undefined : parseAt(typed);
  const found = await stateOf(account, at, context);
  await context.write(input.flag('json') ? `${JSON.stringify(found)}\n` : text(found));
  return EXIT.fine;
}

async function stateOf(account: string, at: At | undefined, context: Context): Promise<State> {
  const { reader } = await context.connect();
  const last = await reader.lastPosition();
  if (at && 'position' in at && at.position > last) {
    throw new CannotRun(`The log ends at position ${last}: what will be at ${at.position} is not known.`);
  }
  const event = await reader.lastOf(account, at);
  if (event) {
    const { status, currency, balances, overdraft_limit } = event.data;
    const { version, position, time } = event;
    return { account, status, currency, balances, overdraft_limit, version, position, time };
  }
  const untouched = isWorldAccount(account) ? untouchedWorldAccount(account) : undefined;
  if (!untouched) throw new CannotRun(await whyNot(account, context));
  const { status, currency, balances, overdraft_limit, version } = untouched;
  return { account, status, currency, balances, overdraft_limit, version, position: null, time: null };
}

async function whyNot(account: string, { ledger, connect }: Context): Promise<string> {
  const { reader } = await connect();
  const first = await reader.first({ aggregate: 'account', id: account });
  if (!first) return `There is no account "${account}" in the ledger "${ledger}".`;
  return `There was no account "${account}" by then: it was created at position ${first.position}, ${first.time}.`;
}

function text(found: State): string {
  const { account, status, currency, balances, overdraft_limit, version, position, time } = found;
  const lines = [
    `account          ${account}`,
    `status           ${status}`,
    `posted           ${balances.posted} ${currency}`,
    `held             ${balances.held} ${currency}`,
    `available        ${balances.available} ${currency}`,
    `overdraft limit  ${overdraft_limit} ${currency}`,
    `version          ${version}`,
    position === null ? 'no event by then' : `since            position ${position}, ${time}`,
  ];
  return `${lines.join('\n')}\n`;
}
