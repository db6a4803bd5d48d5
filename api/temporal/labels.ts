/** How the workflow of a command is found and read in the Temporal UI. */
import type { CommandRequest } from '../../messages/commands.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/attributes.ts';

/** A list of keywords may have 2 KB. Of a transaction with many accounts the first are searchable. */
const ACCOUNTS_BYTES_MAX = 1_800;

/** What the workflow is found by. */
export function searchAttributes(request: CommandRequest) {
  const { accounts, kind, status, currency, amount } = SEARCH_ATTRIBUTES;
  const found = fieldsOf(request);
  const minorUnits = Number(found.amount ?? Number.NaN);
  const currencies = new Set(found.currencies);
  return [
    ...(found.accounts.length === 0 ? [] : [{ key: accounts, value: fitting(found.accounts) }]),
    { key: kind, value: found.kind },
    { key: status, value: 'pending' },
    ...(currencies.size === 1 ? [{ key: currency, value: [...currencies].join() }] : []),
    // Temporal's Int goes through a JSON number: an amount that would not survive it exactly is left out.
    ...(Number.isSafeInteger(minorUnits) ? [{ key: amount, value: minorUnits }] : []),
  ];
}

/** What the workflow of several commands is found by: the accounts, as many as there is room for. */
export function searchAttributesOfMany(requests: readonly CommandRequest[]) {
  const { accounts, kind, status } = SEARCH_ATTRIBUTES;
  const touched = new Set(requests.flatMap((request) => fieldsOf(request).accounts));
  return [
    { key: accounts, value: fitting([...touched]) },
    { key: kind, value: 'commands' },
    { key: status, value: 'pending' },
  ];
}

type Fields = { accounts: string[]; kind: string; currencies: string[]; amount?: string | undefined };

function fieldsOf(request: CommandRequest): Fields {
  const none = { accounts: [], currencies: [] };
  if (request.type === 'transfer') {
    const { source, destination, kind, currency, amount } = request;
    return { accounts: [source, destination], kind, currencies: [currency], amount };
  }
  if (request.type === 'transaction') {
    const { entries } = request;
    const accounts = [...new Set(entries.map(({ account }) => account))];
    return { accounts, kind: 'transaction', currencies: entries.map(({ currency }) => currency) };
  }
  if (request.type === 'reversal') return { ...none, kind: 'reversal', amount: request.amount };
  if (request.type === 'hold.place') {
    const { account, destination, currency, amount } = request;
    const accounts = destination === undefined ? [account] : [account, destination];
    return { accounts, kind: 'hold', currencies: [currency], amount };
  }
  const { type, id } = request;
  const currencies = type === 'account.create' ? [request.currency] : [];
  return { accounts: type.startsWith('account.') ? [id] : [], kind: type, currencies };
}

function fitting(accounts: readonly string[]): string[] {
  let bytes = 0;
  return accounts.filter(({ length }) => (bytes += length + 4) <= ACCOUNTS_BYTES_MAX);
}

/** One line for the Temporal UI. */
export function summary(request: CommandRequest): string {
  if (request.type === 'transfer') {
    const { kind, amount, currency, source, destination } = request;
    return `${kind} of ${amount} ${currency}: ${source} → ${destination}`;
  }
  if (request.type === 'transaction') return `transaction of ${request.entries.length} entries`;
  if (request.type === 'reversal') return `reversal of ${request.amount ?? 'all'}: ${request.reverses}`;
  if (request.type === 'hold.place') {
    return `hold of ${request.amount} ${request.currency} on ${request.account}`;
  }
  const [what = '', step = ''] = request.type.split('.');
  return `${step} ${what} ${request.id}`;
}
