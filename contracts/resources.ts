/** How stored events read as the resources of the HTTP interface. */
import { isWorldAccount } from '../domain/account.ts';
import type { EventData, RecordedEvent } from './events.ts';
import type { AccountResource, EventResource, TransferResource } from './http.ts';

/** When a world account began: it has no first event, it exists with the ledger. */
const ALWAYS = '1970-01-01T00:00:00.000Z';

type AccountState = Pick<
  EventData<'CommandAnswered'>['account'],
  'status' | 'currency' | 'balances' | 'overdraft_limit' | 'version'
>;

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

/** The transfer resource, from the event that ended it. */
export function transferFrom(
  event: RecordedEvent<'TransferCompleted' | 'TransferRejected'>,
): TransferResource {
  const { data } = event;
  return {
    id: event.aggregateId,
    kind: data.kind,
    status: event.name === 'TransferCompleted' ? 'posted' : 'rejected',
    source: data.from,
    destination: data.to,
    amount: data.amount,
    currency: data.currency,
    reference: data.reference ?? null,
    metadata: data.metadata,
    ...(event.name === 'TransferRejected' ? { reason: event.data.reason } : {}),
    created_at: data.requested_at,
    completed_at: event.time,
    position: event.position,
    workflow_id: event.workflowId,
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
