/** How stored events read as the resources of the HTTP interface. */
import type { AccountRecord, RecordedEvent } from '../../contracts/events.ts';
import type { AccountResource, EventResource, HoldResource, TransferResource } from '../../contracts/http.ts';
import { isWorldAccount } from '../../domain/account.ts';
import { holdStatusAfter } from '../../domain/hold.ts';
import { REJECTIONS, type Rejection } from '../../domain/rejections.ts';
import { isWaiting } from '../../domain/transfer.ts';
import { completionOf, transferAfter, type HoldFact, type TransferFact } from './event-data.ts';

/** When a world account began: it has no first event, it exists with the ledger. */
const ALWAYS = '1970-01-01T00:00:00.000Z';

/** The state of an account, with its version. */
export type AccountState = Pick<
  AccountRecord['data'],
  'status' | 'currency' | 'balances' | 'overdraft_limit'
> & {
  readonly version: number;
};

/** The account resource, from what its first event says about it and the state it is in. */
export function accountFrom(
  id: string,
  created: RecordedEvent<'AccountCreated'> | undefined,
  state: AccountState,
): AccountResource {
  const { status, currency, balances, overdraft_limit, version } = state;
  return {
    id,
    owner: created?.data.owner ?? 'world',
    currency,
    status,
    balances,
    overdraft_limit,
    version,
    metadata: created?.data.metadata ?? {},
    created_at: created?.time ?? ALWAYS,
  };
}

/** A world account that nothing has touched yet, or undefined if the id is not that of one. */
export function untouchedWorldAccount(id: string): AccountResource | undefined {
  if (!isWorldAccount(id)) return undefined;
  const balances = { posted: '0', held: '0', available: '0' };
  const currency = id.slice('world_'.length);
  return accountFrom(id, undefined, { status: 'open', currency, balances, overdraft_limit: '0', version: 0 });
}

/** The transfer resource, from its last event: each says all of it. */
export function transferFrom(
  event: TransferFact & { readonly position?: number | undefined },
): TransferResource {
  const { data, position, aggregateId } = event;
  const { status } = transferAfter(event);
  const ended = !isWaiting(status);
  const { completed_at, workflow_id } = completionOf(event);
  return {
    id: aggregateId,
    kind: data.kind,
    status,
    ...sidesOf(data),
    reference: data.reference ?? null,
    metadata: data.metadata,
    ...('reason' in data && data.reason !== undefined ? { reason: data.reason } : {}),
    ...linksOf(data),
    // Of a transaction it would add up currencies.
    ...('reversed' in data && !('entries' in data) ? { reversed: data.reversed } : {}),
    created_at: data.requested_at,
    ...(ended ? { completed_at } : {}),
    ...(position === undefined ? {} : { position }),
    workflow_id,
  };
}

type TransferData = TransferFact['data'];

function sidesOf(data: TransferData) {
  return 'entries' in data
    ? { source: null, destination: null, amount: null, currency: null, entries: data.entries }
    : { source: data.from, destination: data.to, amount: data.amount, currency: data.currency };
}

const LINKS = [
  'approval_expires_at',
  'scheduled_for',
  'rail',
  'hold',
  'reverses',
  'schedule',
  'bulk',
] as const;

/** What only some transfers have. */
function linksOf(data: TransferData): Partial<Pick<TransferResource, (typeof LINKS)[number]>> {
  const links = data as Partial<Record<(typeof LINKS)[number], string>>;
  return Object.fromEntries(
    LINKS.flatMap((name) => (links[name] === undefined ? [] : [[name, links[name]]])),
  );
}

/** Why the rules rejected a transfer, or could not complete it; undefined if they did not. */
export function rejectionOf({ name, data }: Pick<TransferFact, 'name' | 'data'>): Rejection | undefined {
  if (name !== 'TransferRejected' && name !== 'TransferFailed') return undefined;
  const { reason, detail } = data as Partial<Record<'reason' | 'detail', string>>;
  const code = REJECTIONS.find((one) => one === reason);
  return code === undefined || detail === undefined ? undefined : { code, detail };
}

/** The hold resource, from its last event: each says all of it. */
export function holdFrom(event: HoldFact & { readonly position?: number | undefined }): HoldResource {
  const { aggregateId, name, data, workflowId, position } = event;
  return {
    id: aggregateId,
    account: data.account,
    amount: data.amount,
    captured: 'captured' in data ? data.captured : '0',
    currency: data.currency,
    status: holdStatusAfter(name),
    destination: data.destination ?? null,
    reference: data.reference ?? null,
    metadata: data.metadata,
    ...('reason' in data && data.reason !== undefined ? { reason: data.reason } : {}),
    ...('transfer' in data ? { transfer: data.transfer } : {}),
    ...(data.expires_at === undefined ? {} : { expires_at: data.expires_at }),
    created_at: data.requested_at,
    ...(position === undefined ? {} : { position }),
    workflow_id: workflowId,
  };
}

/** An event as a CloudEvent in JSON, with its position. */
export function eventFrom(event: RecordedEvent): EventResource {
  return {
    position: event.position,
    specversion: '1.0',
    id: event.id,
    source: event.source,
    type: event.type,
    subject: event.aggregateId,
    time: event.time,
    datacontenttype: 'application/json',
    version: event.version,
    prevhash: event.previousHash,
    hash: event.hash,
    workflowid: event.workflowId,
    actor: event.actor,
    ...(event.idempotencyKey === undefined ? {} : { idempotencykey: event.idempotencyKey }),
    ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
    data: event.data,
  };
}
