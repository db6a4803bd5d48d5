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
import { NO_EVENTS, positionOf, type AccountTip, type ChainEnd, type Placement } from './tips.ts';

/** A command with the workflow that carries it. */
export type Submission = { readonly request: CommandRequest; readonly workflowId: string };

/** What one command comes to, once the batch is stored. */
export type PlannedOutcome = {
  /** Its messages' places in the batch begin here. */
  readonly start: number;
  readonly events: readonly PlannedEvent[];
  /** False for a refusal, and for a command that asks for what is so already. */
  readonly changesAccounts: boolean;
  readonly rejection?: Rejection | undefined;
  /** The account that a command to one leaves behind. */
  readonly after?: AccountTip | undefined;
  /** A bug in deciding this one command; its neighbours go on. */
  readonly error?: unknown;
};

export type PlannedEvent = {
  readonly name: EventName;
  readonly event: NewEvent;
  readonly message: OutgoingMessage;
};

export type Plan = {
  readonly messages: readonly BatchMessage[];
  /** One for each submission that found room, in order. */
  readonly outcomes: readonly PlannedOutcome[];
  /** The accounts' tips after the batch. */
  readonly tips: ReadonlyMap<string, AccountTip>;
  /** Where the batch stands in the log: to be told once it is stored. */
  readonly append: Placement;
};

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
 * @param world the ledger's name, the time that the events get, the accounts as they are stored now, and how far the
 * log goes without the batch
 */
export function planBatch(
  submissions: readonly Submission[],
  world: { ledger: string; now: string; after: number; account: (id: string) => AccountTip },
): Plan {
  const batch = new Batch(world);
  const outcomes: PlannedOutcome[] = [];
  for (const submission of submissions) {
    const outcome = batch.add(submission);
    if (!outcome) break;
    outcomes.push(outcome);
  }
  const { messages, tips, append } = batch;
  return { messages, outcomes, tips, append };
}

class Batch {
  readonly messages: BatchMessage[] = [];
  readonly tips = new Map<string, AccountTip>();
  readonly append: Placement = { first: Number.NaN, at: performance.now() };
  readonly #guarded = new Set<string>();
  /** Where the messages of the command in hand begin. */
  #start = 0;
  readonly #world: Parameters<typeof planBatch>[1];

  constructor(world: Parameters<typeof planBatch>[1]) {
    this.#world = world;
  }

  /** Undefined if the batch has no room for what the command brings about. */
  add(submission: Submission): PlannedOutcome | undefined {
    const { request } = submission;
    const start = this.messages.length;
    let decision: LedgerDecision;
    try {
      decision = decide(toCommand(request), {
        account: (id) => this.#tip(id).state,
        transfer: (id) => transfer.initialState(id),
      });
    } catch (error) {
      return { start, events: [], changesAccounts: false, error };
    }
    const { events, rejection } = decision;
    const keyed = request.type !== 'transfer' && request.idempotency_key !== undefined && !rejection;
    if (start + events.length + (keyed ? 1 : 0) > BATCH_MESSAGES_MAX) return undefined;
    this.#start = start;
    const planned = events.map((event) => this.#append(submission, event));
    const after = request.type === 'transfer' ? undefined : this.#tip(request.id);
    if (after && keyed) planned.push(this.#receipt(submission, after));
    const changesAccounts = !rejection && events.length > 0;
    return { start, events: planned, changesAccounts, rejection, after };
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
    const place = this.messages.length;
    const written = this.#write(submission, what, before);
    const {
      event: { version },
      message: { hash },
    } = written;
    this.tips.set(id, { state, version, hash, append: this.append, place });
    return written;
  }

  /** Remembers what the key of an account command was answered. */
  #receipt(submission: Submission, { state, version }: AccountTip): PlannedEvent {
    const { request } = submission;
    const left = { id: request.id, version, ...accountStateData(state as ExistingAccount) };
    const data = { created: request.type === 'account.create', account: left };
    const ref = { aggregate: 'command', id: request.idempotency_key ?? '' } as const;
    return this.#write(submission, { ref, name: 'CommandAnswered', data }, NO_EVENTS);
  }

  #write(
    { request, workflowId }: Submission,
    what: { ref: AggregateRef; name: EventName; data: EventData },
    end: ChainEnd,
  ): PlannedEvent {
    const { ledger, now, after } = this.#world;
    const event: NewEvent = {
      ref: what.ref,
      name: what.name,
      data: what.data,
      id: `${request.command_id}-${this.messages.length - this.#start + 1}`,
      time: now,
      version: end.version + 1,
      previousHash: end.hash,
      after: after + this.messages.length,
      workflowId,
      actor: request.actor,
      fingerprint: request.fingerprint,
      idempotencyKey: request.idempotency_key,
      traceparent: request.traceparent,
    };
    const message = encode(ledger, event);
    const subject = aggregateSubject(ledger, what.ref);
    // Only an aggregate's first message in the batch is guarded: the server refuses a second guard on a subject.
    const guard = this.#guarded.has(subject) ? undefined : { subject, sequence: () => positionOf(end) };
    this.#guarded.add(subject);
    this.messages.push({
      subject: message.subject,
      headers: message.headers,
      payload: message.payload,
      guard,
    });
    return { name: what.name, event, message };
  }
}
