/** The columns in which `history` shows the events of an account, a transfer or a hold. */
import type { AccountRecord, HoldRecord, TransferRecord } from '../../contracts/events.ts';
import { accountsOfTerms } from '../../domain/posting.ts';
import { holdAfter, transferAfter } from '../../messages/mapping/event-data.ts';
import type { Column } from '../io/table.ts';

/** Of several accounts so many are named. */
const NAMED_MAX = 3;

/** A column, and what it says of an event. */
export type CellColumn<Event> = Column & { readonly cell: (event: Event) => string };

type AnyEvent = AccountRecord | TransferRecord | HoldRecord;

const FIRST: readonly CellColumn<AnyEvent>[] = [
  { heading: 'position', right: true, cell: ({ position }) => `${position}` },
  { heading: 'time', cell: ({ time }) => time },
  { heading: 'event', cell: ({ name }) => name },
  { heading: 'version', right: true, cell: ({ version }) => `${version}` },
];
const WORKFLOW: CellColumn<AnyEvent> = { heading: 'workflow', cell: ({ workflowId }) => workflowId };

/** An event of an account, with all accounts that its transfer names. */
export type AccountLine = AccountRecord & { readonly parties: readonly string[] };

/** The transfer that an event of an account is about. */
export function transferOf({ data }: AccountRecord): string | undefined {
  return 'transfer' in data ? data.transfer : undefined;
}

/** The accounts that a transfer names, each once. */
export function partiesOf(event: TransferRecord): readonly string[] {
  return [...new Set(accountsOfTerms(transferAfter(event).terms))];
}

export const ACCOUNT_COLUMNS: readonly CellColumn<AccountLine>[] = [
  ...FIRST,
  { heading: 'amount', right: true, cell: addedToAvailable },
  { heading: 'posted', right: true, cell: ({ data }) => data.balances.posted },
  { heading: 'held', right: true, cell: ({ data }) => data.balances.held },
  { heading: 'available', right: true, cell: ({ data }) => data.balances.available },
  { heading: 'transfer', cell: (event) => transferOf(event) ?? '' },
  { heading: 'hold', cell: ({ data }) => ('hold' in data ? (data.hold ?? '') : '') },
  {
    heading: 'other',
    cell: ({ parties, aggregateId }) => listed(parties.filter((id) => id !== aggregateId)),
  },
  { heading: 'note', cell: noteOfAccount },
  WORKFLOW,
];

function addedToAvailable({ name, data }: AccountRecord): string {
  if (!('amount' in data)) return '';
  return name === 'MoneyWithdrawn' || name === 'FundsHeld' ? `-${data.amount}` : data.amount;
}

function listed(items: readonly string[]): string {
  const rest = items.length - NAMED_MAX;
  return [...items.slice(0, NAMED_MAX), ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}

function noteOfAccount(event: AccountRecord): string {
  if (event.name === 'AccountUpdated') return `overdraft limit ${event.data.overdraft_limit}`;
  return 'reason' in event.data ? plain(event.data.reason) : '';
}

export const TRANSFER_COLUMNS: readonly CellColumn<TransferRecord>[] = [
  ...FIRST,
  { heading: 'status', cell: (event) => transferAfter(event).status },
  { heading: 'amount', right: true, cell: ({ data }) => ('amount' in data ? data.amount : '') },
  { heading: 'currency', cell: ({ data }) => ('currency' in data ? data.currency : '') },
  { heading: 'accounts', cell: accountsOfTransfer },
  { heading: 'note', cell: noteOfTransfer },
  WORKFLOW,
];

function accountsOfTransfer({ data }: TransferRecord): string {
  if (!('entries' in data)) return `${data.from} > ${data.to}`;
  const entries = data.entries.map(({ account, direction, amount, currency }) => {
    return `${account} ${direction === 'debit' ? '-' : ''}${amount} ${currency}`;
  });
  return listed(entries);
}

function noteOfTransfer(event: TransferRecord): string {
  const { name, data } = event;
  if (name === 'TransferReversed') {
    const { reversal, reversed } = event.data;
    return `${reversal.amount} undone by ${reversal.id}, ${reversed} in all`;
  }
  const detail = 'detail' in data && data.detail !== undefined ? [data.detail] : [];
  const reason = 'reason' in data && data.reason !== undefined ? [data.reason] : [];
  return plain([...waitsFor(event), ...reason, ...detail].join(': '));
}

function waitsFor(event: TransferRecord): string[] {
  if (event.name !== 'TransferRequested' && event.name !== 'TransferApproved') return [];
  const { status, approval_expires_at, scheduled_for, rail } = event.data;
  const what = { awaiting_approval: approval_expires_at, scheduled: scheduled_for, pending: rail }[status];
  return what === undefined ? [] : [`${WAITS[status]} ${what}`];
}

const WAITS = { awaiting_approval: 'until', scheduled: 'on', pending: 'by' } as const;

export const HOLD_COLUMNS: readonly CellColumn<HoldRecord>[] = [
  ...FIRST,
  { heading: 'status', cell: (event) => holdAfter(event).status },
  { heading: 'amount', right: true, cell: ({ data }) => data.amount },
  { heading: 'captured', right: true, cell: ({ data }) => ('captured' in data ? data.captured : '') },
  { heading: 'currency', cell: ({ data }) => data.currency },
  { heading: 'account', cell: ({ data }) => data.account },
  { heading: 'transfer', cell: ({ data }) => ('transfer' in data ? data.transfer : '') },
  { heading: 'note', cell: noteOfHold },
  WORKFLOW,
];

function noteOfHold({ name, data }: HoldRecord): string {
  if ('reason' in data) return plain(data.reason);
  const places = name === 'HoldPlaced' || name === 'HoldExtended';
  return places && data.expires_at !== undefined ? `until ${data.expires_at}` : '';
}

/** Text of others, on one line. */
function plain(text = ''): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
