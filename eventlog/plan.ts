/**
 * Decides the waiting commands in order, later ones seeing what earlier ones will have done, and lays out the one
 * atomic batch that carries all their events. Nothing is sent here and nothing remembered: if the batch is refused,
 * the plan is thrown away.
 */
import { decide, type LedgerDecision, type LedgerEvent } from '../domain/ledger.ts';
import { account, type ExistingAccount } from '../domain/account.ts';
import { assert } from '../domain/assert.ts';
import type { Rejection } from '../domain/rejections.ts';
import { transfer } from '../domain/transfer.ts';
import { toCommand, type CommandRequest } from '../contracts/commands.ts';
import {
  accountEventData,
  accountStateData,
  transferEventData,
  type EventData,
  type EventName,
} from '../contracts/events.ts';
import { aggregateSubject, type AggregateRef } from '../contracts/subjects.ts';
import { BATCH_MESSAGES_MAX, type BatchMessage } from './batch.ts';
import { encode, type NewEvent, type OutgoingMessage } from './codec.ts';
import { NO_EVENTS, type AccountTip, type ChainEnd } from './tips.ts';

/** A command with the workflow that carries it. */
export type Submission = { readonly request: CommandRequest; readonly workflowId: string };

/** What one command comes to, once the batch is stored. */
export type PlannedOutcome = {
  /** Its messages' places in the batch: from `start`, `count` of them. */
  readonly start: number;
  readonly count: number;
  readonly events: readonly PlannedEvent[];
  readonly rejection?: Rejection | undefined;
  /** A bug in deciding this one command; its neighbours go on. */
  readonly error?: unknown;
};

export type PlannedEvent = NewEvent & { readonly message: OutgoingMessage };

export type Plan = {
  readonly messages: readonly BatchMessage[];
  /** One for each submission that found room, in order. */
  readonly outcomes: readonly PlannedOutcome[];
  /** The accounts' tips after the batch; positions are places in the batch. */
  readonly tips: ReadonlyMap<string, AccountTip>;
};

/** The most messages that one command of today can need: two legs, the outcome, a receipt. */
const MESSAGES_PER_COMMAND = 4;

/** What a keyed command's key is remembered by: the transfer that it made, or a receipt. */
export function identityOf(request: CommandRequest): AggregateRef | undefined {
  if (request.type === 'transfer') return { aggregate: 'transfer', id: request.id };
  if (request.idempotency_key !== undefined) {
    return { aggregate: 'command', id: request.idempotency_key };
  }
  return request.type === 'account.create' ? { aggregate: 'account', id: request.id } : undefined;
}

/**
 * Plans one batch.
 * @param submissions in the order in which they are decided; none of them decided before
 * @param world the ledger's name, the time that the events get, and the accounts as they are stored now
 */
export function planBatch(
  submissions: readonly Submission[],
  world: { ledger: string; now: string; account: (id: string) => AccountTip },
): Plan {
  const batch = new Batch(world);
  const outcomes: PlannedOutcome[] = [];
  for (const submission of submissions) {
    if (batch.messages.length + MESSAGES_PER_COMMAND > BATCH_MESSAGES_MAX) break;
    outcomes.push(batch.add(submission));
  }
  return { messages: batch.messages, outcomes, tips: batch.tips };
}

class Batch {
  readonly messages: BatchMessage[] = [];
  readonly tips = new Map<string, AccountTip>();
  readonly #guarded = new Set<string>();
  /** Where the messages of the command in hand begin. */
  #start = 0;
  readonly #world: Parameters<typeof planBatch>[1];

  constructor(world: Parameters<typeof planBatch>[1]) {
    this.#world = world;
  }

  add(submission: Submission): PlannedOutcome {
    const { request } = submission;
    const start = this.messages.length;
    let decision: LedgerDecision;
    try {
      decision = decide(toCommand(request), {
        account: (id) => this.#tip(id).state,
        transfer: (id) => transfer.initialState(id),
      });
    } catch (error) {
      return { start, count: 0, events: [], error };
    }
    const { events, rejection } = decision;
    this.#start = start;
    const planned = events.map((event) => this.#append(submission, event));
    if (request.type !== 'transfer' && request.idempotency_key !== undefined && !rejection) {
      planned.push(this.#receipt(submission));
    }
    return { start, count: planned.length, events: planned, rejection };
  }

  #tip(id: string): AccountTip {
    return this.tips.get(id) ?? this.#world.account(id);
  }

  #append(submission: Submission, { aggregate, id, event }: LedgerEvent): PlannedEvent {
    if (aggregate === 'transfer') {
      const what = { ref: { aggregate, id }, name: event.type, data: transferEventData(event) } as const;
      return this.#write(submission, what, NO_EVENTS);
    }
    const before = this.#tip(id);
    const state = account.evolve(before.state, event);
    assert(state.status !== 'none', 'an account exists after any of its events');
    const what = { ref: { aggregate, id }, name: event.type, data: accountEventData(event, state) } as const;
    const position = this.messages.length;
    const written = this.#write(submission, what, before);
    this.tips.set(id, { state, version: written.version, hash: written.message.hash, position });
    return written;
  }

  /** Remembers what the key of an account command was answered. */
  #receipt(submission: Submission): PlannedEvent {
    const { request } = submission;
    const { state, version } = this.#tip(request.id);
    const data = {
      account: request.id,
      created: request.type === 'account.create',
      version,
      ...accountStateData(state as ExistingAccount),
    };
    const ref = { aggregate: 'command', id: request.idempotency_key ?? '' } as const;
    return this.#write(submission, { ref, name: 'CommandAnswered', data }, NO_EVENTS);
  }

  #write(
    { request, workflowId }: Submission,
    what: { ref: AggregateRef; name: EventName; data: EventData },
    end: ChainEnd,
  ): PlannedEvent {
    const { ledger, now } = this.#world;
    const event: NewEvent = {
      ...what,
      id: `${request.command_id}-${this.messages.length - this.#start + 1}`,
      time: now,
      version: end.version + 1,
      previousHash: end.hash,
      workflowId,
      actor: request.actor,
      fingerprint: request.fingerprint,
      idempotencyKey: request.idempotency_key,
      traceparent: request.traceparent,
    };
    const message = encode(ledger, event);
    const subject = aggregateSubject(ledger, what.ref);
    // Only an aggregate's first message in the batch is guarded: the server refuses a second guard on a subject.
    const guard = this.#guarded.has(subject) ? undefined : { subject, sequence: end.position };
    this.#guarded.add(subject);
    this.messages.push({ ...message, guard });
    return { ...event, message };
  }
}
