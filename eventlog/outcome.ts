/** What the log says about a command: how it was decided now, or how it was decided before. */
import type { Envelope, EventData, RecordedEvent } from '../contracts/events.ts';
import { accountStateData, eventType } from '../contracts/events.ts';
import type { CommandRequest } from '../contracts/commands.ts';
import type { ExistingAccount } from '../domain/account.ts';
import { rejection, type Rejection } from '../domain/rejections.ts';
import type { PlannedEvent, PlannedOutcome } from './plan.ts';
import { positionOf, type Placement } from './tips.ts';

type AccountState = Omit<EventData<'CommandAnswered'>['account'], 'id'>;

/** What the log says about a command. */
export type Outcome =
  | {
      readonly type: 'transfer';
      readonly event: RecordedEvent<'TransferCompleted' | 'TransferRejected'>;
      readonly replayed: boolean;
    }
  | {
      readonly type: 'account';
      readonly id: string;
      readonly state: AccountState;
      readonly created: boolean;
      readonly position: number;
      readonly replayed: boolean;
    }
  /** Refused, and nothing recorded. */
  | { readonly type: 'refused'; readonly rejection: Rejection };

/** The outcome of a command whose append has been stored at `append.first`. */
export function outcomeOf(request: CommandRequest, planned: PlannedOutcome, append: Placement): Outcome {
  const first = append.first + planned.start;
  const ended = planned.events.findIndex(({ name }) => endsTransfer(name));
  const end = planned.events[ended];
  if (end) {
    const event = recorded(end, first + ended) as RecordedEvent<'TransferCompleted' | 'TransferRejected'>;
    return { type: 'transfer', event, replayed: false };
  }
  if (planned.rejection) return { type: 'refused', rejection: planned.rejection };
  const { after, events } = planned;
  if (!after) throw new Error('A command to an account has seen it');
  return {
    type: 'account',
    id: request.id,
    state: { version: after.version, ...accountStateData(after.state as ExistingAccount) },
    created: request.type === 'account.create',
    position: events.length > 0 ? first + events.length - 1 : positionOf(after),
    replayed: false,
  };
}

/**
 * The outcome of a command that the log has already, from the event that remembers it; undefined if it must be decided.
 * @param own true if the command may be in the log by an append of its own that had no clear answer
 */
export function replay(request: CommandRequest, event: RecordedEvent, own: boolean): Outcome | undefined {
  const same = event.fingerprint === request.fingerprint;
  const replayed = !own;
  // An account with this id, made by another request: the decision will say that it exists.
  if (event.name === 'AccountCreated') {
    if (!same) return undefined;
    const { data, version, position } = event;
    const { status, currency, balances, overdraft_limit } = data;
    const state = { version, status, currency, balances, overdraft_limit };
    return { type: 'account', id: event.aggregateId, state, created: true, position, replayed };
  }
  if (!same) {
    const detail = 'This Idempotency-Key was used for another request.';
    return { type: 'refused', rejection: rejection('idempotency_key_reused', detail) };
  }
  if (event.name === 'TransferCompleted' || event.name === 'TransferRejected') {
    return { type: 'transfer', event, replayed };
  }
  if (event.name === 'CommandAnswered') {
    const { account, created } = event.data;
    const { id, ...state } = account;
    return { type: 'account', id, state, created, position: event.position, replayed };
  }
  throw new Error(`${event.name} at position ${event.position} does not end a command`);
}

/** The event as the log has it once its append is stored. */
function recorded(planned: PlannedEvent, position: number): RecordedEvent {
  const { event, message } = planned;
  const recordedEvent: Record<keyof Envelope | 'name' | 'data', unknown> = {
    name: event.name,
    position,
    subject: message.stored,
    aggregate: event.ref.aggregate,
    aggregateId: event.ref.id,
    id: event.id,
    source: message.source,
    type: eventType(event.name),
    time: event.time,
    version: event.version,
    previousHash: event.previousHash,
    hash: message.hash,
    workflowId: event.workflowId,
    actor: event.actor,
    idempotencyKey: event.idempotencyKey,
    fingerprint: event.fingerprint,
    traceparent: event.traceparent,
    batch: undefined,
    data: event.data,
  };
  return recordedEvent as RecordedEvent;
}

function endsTransfer(name: string): boolean {
  return name === 'TransferCompleted' || name === 'TransferRejected';
}
