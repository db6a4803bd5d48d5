/**
 * What waits in a ledger: transfers that are to be approved, dated or with their rail, and holds that expire. For each
 * the request that it was made by, word for word, as the log has it: a workflow that is started with it finds it done,
 * and goes on from where the log is.
 */
import type { RecordedEvent } from '../../contracts/events.ts';
import { defined } from '../../domain/optional-fields.ts';
import type { CommandMeta, HoldRequest, MovementRequest } from '../../messages/commands.ts';

export type WaitingRequest = MovementRequest | Extract<HoldRequest, { type: 'hold.place' }>;

/** What waits at the end of these events, which must begin with the log's first. */
export class WaitingScan {
  readonly #requests = new Map<string, WaitingRequest>();
  /** Holds without an end: one may be given to them later. */
  readonly #endless = new Map<string, WaitingRequest>();

  add(event: RecordedEvent): void {
    const id = event.aggregateId;
    switch (event.name) {
      case 'TransferRequested':
        this.#requests.set(id, transferRequest(event));
        return;
      // What is parked waits for an operator, whose word starts a workflow if there is none.
      case 'TransferParked':
      case 'TransferCompleted':
      case 'TransferRejected':
      case 'TransferCancelled':
      case 'TransferExpired':
      case 'TransferFailed':
        this.#requests.delete(id);
        return;
      case 'HoldPlaced':
        (event.data.expires_at === undefined ? this.#endless : this.#requests).set(id, holdRequest(event));
        return;
      case 'HoldExtended': {
        const endless = this.#endless.get(id);
        if (endless && this.#endless.delete(id)) this.#requests.set(id, endless);
        return;
      }
      case 'HoldCaptured':
      case 'HoldVoided':
      case 'HoldExpired':
        this.#requests.delete(id);
        this.#endless.delete(id);
        return;
      case 'TransferApproved':
      case 'TransferReversed':
      case 'AccountCreated':
      case 'MoneyDeposited':
      case 'MoneyWithdrawn':
      case 'FundsHeld':
      case 'FundsReleased':
      case 'AccountUpdated':
      case 'AccountFrozen':
      case 'AccountUnfrozen':
      case 'AccountClosed':
        return;
      case 'CommandRecorded':
        this.#file(event);
    }
  }

  /** A hold is known again by the receipt of its placing, which comes after it. */
  #file({ aggregateId: receipt_id, idempotencyKey, data }: RecordedEvent<'CommandRecorded'>): void {
    if (!data.created || !data.hold) return;
    const { id } = data.hold;
    for (const requests of [this.#requests, this.#endless]) {
      const request = requests.get(id);
      if (request && request.idempotency_key === idempotencyKey) requests.set(id, { ...request, receipt_id });
    }
  }

  requests(): WaitingRequest[] {
    return [...this.#requests.values()];
  }
}

function transferRequest(event: RecordedEvent<'TransferRequested'>): MovementRequest {
  const { kind, from, to, amount, currency, requested_at, reference, metadata } = event.data;
  const { approval_expires_at, scheduled_for, rail, schedule, bulk } = event.data;
  return {
    ...metaOf(event, requested_at),
    type: 'transfer',
    id: event.aggregateId,
    // Captures and reversals never wait.
    kind: kind as MovementRequest['kind'],
    source: from,
    destination: to,
    amount,
    currency,
    metadata,
    ...defined({ reference, approval_expires_at, scheduled_for, rail, schedule, bulk }),
  };
}

function holdRequest(event: RecordedEvent<'HoldPlaced'>): WaitingRequest {
  const { account, amount, currency, requested_at, destination, reference, metadata, expires_at } =
    event.data;
  return {
    ...metaOf(event, requested_at),
    type: 'hold.place',
    id: event.aggregateId,
    account,
    amount,
    currency,
    metadata,
    ...defined({ destination, reference, expires_at }),
  };
}

function metaOf(event: RecordedEvent, requested_at: string): CommandMeta {
  const { id, actor, fingerprint = '', idempotencyKey: idempotency_key, traceparent } = event;
  return {
    // The id of an event is that of its command, and a number.
    command_id: id.replace(/-\d+$/, ''),
    requested_at,
    actor,
    fingerprint,
    ...defined({ idempotency_key, traceparent }),
  };
}
