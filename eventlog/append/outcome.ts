/** What the log says about a command: how it was decided now, or how it was decided before. */
import type { RecordedEvent } from '../../contracts/events.ts';
import type { HoldResource, TransferResource } from '../../contracts/http.ts';
import { KEY_REUSED, type Rejection } from '../../domain/rejections.ts';
import { makesTransfer, type CommandRequest } from '../../messages/commands.ts';
import { rejectionOf, transferFrom, type AccountState } from '../../messages/mapping/resources.ts';

type Recorded = {
  /** The position that shows it. */
  readonly position: number;
  /** True if an earlier command brought it about. */
  readonly replayed: boolean;
};

/** What the log says about a command. */
export type Outcome =
  | (Recorded & {
      readonly type: 'transfer';
      readonly transfer: TransferResource;
      readonly created: boolean;
      readonly rejection?: Rejection;
    })
  | (Recorded & { readonly type: 'hold'; readonly hold: HoldResource; readonly created: boolean })
  | (Recorded & {
      readonly type: 'account';
      readonly id: string;
      readonly state: AccountState;
      readonly created: boolean;
    })
  /** Rejected, and that is recorded. */
  | (Recorded & { readonly type: 'rejected'; readonly rejection: Rejection })
  /** An error: nothing is recorded. */
  | { readonly type: 'error'; readonly rejection: Rejection };

/**
 * The outcome of a command that the log has already, from the event that remembers it; undefined if it must be decided.
 * @param inDoubt true if the command may be in the log by an append of its own that had no clear answer
 */
export function replay(request: CommandRequest, event: RecordedEvent, inDoubt: boolean): Outcome | undefined {
  const same = event.fingerprint === request.fingerprint;
  const replayed = !inDoubt;
  // An account with this id, made by another request: the decision will say that it exists.
  if (event.name === 'AccountCreated') {
    if (!same) return undefined;
    const { data, version, position } = event;
    const { status, currency, balances, overdraft_limit } = data;
    const state = { version, status, currency, balances, overdraft_limit };
    return { type: 'account', id: event.aggregateId, state, created: true, position, replayed };
  }
  if (!same) {
    return { type: 'error', rejection: KEY_REUSED };
  }
  if (event.name === 'CommandRecorded') return receipt(event, replayed);
  if (event.aggregate === 'transfer' && makesTransfer(request)) {
    const transferEvent = event as Parameters<typeof transferFrom>[0] & { position: number };
    const why = rejectionOf(transferEvent);
    const { position } = transferEvent;
    const transfer = transferFrom(transferEvent);
    return {
      type: 'transfer',
      transfer,
      created: true,
      position,
      replayed,
      ...(why ? { rejection: why } : {}),
    };
  }
  throw new Error(`${event.name} at position ${event.position} is no command's first event`);
}

/** The result of a command that left a receipt. */
function receipt({ data, position }: RecordedEvent<'CommandRecorded'>, replayed: boolean): Outcome {
  const { account, transfer, hold, created, rejection: why } = data;
  const before = position - 1;
  if (account) {
    const { id, ...state } = account;
    return { type: 'account', id, state, created, position, replayed };
  }
  if (transfer) {
    const resource = withPosition(transfer, transfer.position ?? before);
    const rejected = why ? { rejection: why } : {};
    return {
      type: 'transfer',
      transfer: resource,
      created,
      position: resource.position,
      replayed,
      ...rejected,
    };
  }
  if (hold) {
    const resource = withPosition(hold, hold.position ?? before);
    return { type: 'hold', hold: resource, created, position: resource.position, replayed };
  }
  if (why) return { type: 'rejected', rejection: why, position, replayed };
  throw new Error(`The receipt at position ${position} says nothing`);
}

/** With its position where the first result had it: the same request gets the same response, word for word. */
function withPosition<Resource extends TransferResource | HoldResource>(
  resource: Resource,
  position: number,
) {
  const { workflow_id, ...rest } = resource;
  return { ...rest, position, workflow_id } as Resource & { position: number };
}
