/**
 * Decides the waiting commands in order, later ones seeing what earlier ones will have done, and lays out the one
 * atomic batch that carries all their events. Nothing is sent here and nothing remembered: if the batch is refused,
 * the plan is thrown away.
 */
import type { EventData, EventName } from '../../contracts/events.ts';
import { aggregateSubject, idSubject, type AggregateRef } from '../../contracts/subjects.ts';
import { account } from '../../domain/account.ts';
import { assert } from '../../domain/assert.ts';
import { hold } from '../../domain/hold.ts';
import {
  beginningOf,
  decide,
  type Command,
  type LedgerDecision,
  type LedgerEvent,
} from '../../domain/ledger.ts';
import { isRecorded, type Rejection } from '../../domain/rejections.ts';
import { transfer } from '../../domain/transfer.ts';
import { toCommand, type CommandRequest } from '../../messages/commands.ts';
import {
  accountEventData,
  completionOf,
  holdEventData,
  transferEventData,
  type HoldFact,
  type TransferFact,
} from '../../messages/mapping/event-data.ts';
import { BATCH_MESSAGES_MAX, encode, type NewEvent, type OutgoingMessage } from '../wire/codec.ts';
import type { BatchMessage } from './batch.ts';
import { identityOf } from './identity.ts';
import { resultOf, type Result, type ResultLocation } from './result.ts';
import {
  isCurrent,
  NO_EVENTS,
  positionOf,
  type AccountTip,
  type ChainEnd,
  type HoldTip,
  type Placement,
  type TipMaps,
  type TipsView,
  type TransferTip,
} from './tips.ts';

/** A command with the workflow that carries it. */
export type Submission = { readonly request: CommandRequest; readonly workflowId: string };

/** What one command comes to, once the batch is stored. */
export type PlannedOutcome = {
  /** Its messages' places in the batch begin here. */
  readonly start: number;
  readonly events: readonly PlannedEvent[];
  /** What it was decided on and does not change: nothing will tell if that was not so any more. */
  readonly unguarded: readonly AggregateRef[];
  readonly rejection?: Rejection | undefined;
  /** The result; not given for an error, which leaves no trace. */
  readonly result?: Result | undefined;
  /**
   * What it saw does not go together: its parts were read at different times, and another appender wrote in between. Or
   * there is a bug in deciding this one command. Its neighbours go on.
   */
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
  /** The tips after the batch of what it changes. */
  readonly tips: TipMaps;
  /** What it was decided on. */
  readonly reads: readonly AggregateRef[];
  /** Where the batch stands in the log: to be told once it is stored. */
  readonly append: Placement;
};

export type PlanWorld = {
  readonly ledger: string;
  /** The time that the events get, RFC 3339. */
  readonly now: string;
  /** How far the log goes without the batch. */
  readonly after: number;
  /** What is stored now. */
  readonly tips: TipsView;
};

/** What a request means, worked out once: it may be decided several times. */
export type Interpretation = {
  readonly command: Command;
  /** By what it is known again. */
  readonly identity: AggregateRef | undefined;
  /** The transfer or the hold that it makes: it is not there yet, so nothing is loaded of it. */
  readonly begins: ReturnType<typeof beginningOf>;
};

/** A submission in the domain's terms. */
export type PendingCommand = Submission &
  Interpretation & {
    /** When it began to wait, by `performance.now()`. */
    readonly since: number;
  };

/** What a request means. */
export function interpret(request: CommandRequest): Interpretation {
  const command = toCommand(request);
  return { command, identity: identityOf(request), begins: beginningOf(command) };
}

/**
 * Plans one batch.
 * @param submissions in the order in which they are decided; none of them decided before
 */
export function planBatch(submissions: readonly PendingCommand[], world: PlanWorld): Plan {
  const batch = new Batch(world);
  const outcomes: PlannedOutcome[] = [];
  for (const submission of submissions) {
    const outcome = batch.add(submission);
    if (!outcome) break;
    outcomes.push(outcome);
  }
  const { messages, tips, reads, append } = batch;
  return { messages, outcomes, tips, reads, append };
}

class Batch {
  readonly messages: BatchMessage[] = [];
  readonly tips: TipMaps = { account: new Map(), transfer: new Map(), hold: new Map() };
  readonly reads: AggregateRef[] = [];
  readonly append: Placement = { first: Number.NaN, at: performance.now() };
  readonly #guarded = new Set<string>();
  /** Where the messages of the command in hand begin. */
  #start = 0;
  /** What the command in hand makes. */
  #begins: Interpretation['begins'];
  readonly #world: PlanWorld;
  readonly #view;

  constructor(world: PlanWorld) {
    this.#world = world;
    this.#view = {
      account: (id: string) => {
        this.#noteRead('account', id);
        return this.#account(id).state;
      },
      version: (id: string) => this.#account(id).version,
      transfer: (id: string) => {
        this.#noteRead('transfer', id);
        return this.#transfer(id).state;
      },
      hold: (id: string) => {
        this.#noteRead('hold', id);
        return this.#hold(id).state;
      },
    };
  }

  /**
   * Undefined if the batch has no room for what the command brings about; or if what it is to make is there already, as
   * another command of the batch has found: so it was carried out before, and in a batch of its own the log will tell.
   */
  add(submission: PendingCommand): PlannedOutcome | undefined {
    const { command, begins, since } = submission;
    const start = this.messages.length;
    const firstRead = this.reads.length;
    let decision: LedgerDecision;
    this.#begins = begins;
    if (begins && this.tips[begins.aggregate].has(begins.id)) return undefined;
    try {
      decision = decide(command, this.#view);
    } catch (error) {
      return { start, events: [], unguarded: this.#ownReads(firstRead), error };
    }
    const { events, rejection } = decision;
    const receipt = needsReceipt(submission, rejection);
    if (start + events.length + (receipt ? 1 : 0) > BATCH_MESSAGES_MAX) return undefined;
    this.#start = start;
    const planned = events.map((event) => this.#append(submission, event));
    // An account that refuses stays as it is, and nothing is remembered.
    const traceless = rejection !== undefined && (command.type === 'account' || !isRecorded(rejection));
    const result = traceless
      ? undefined
      : resultOf(submission, { tips: this.#latest(), rejection, location: this.#resultLocation(receipt) });
    if (receipt && result) planned.push(this.#receipt(submission, result));
    const unguarded = this.#staleReads(firstRead, since);
    return { start, events: planned, unguarded, rejection, result };
  }

  #resultLocation(receipt: boolean): ResultLocation {
    return { append: this.append, receipt: receipt ? this.messages.length : undefined };
  }

  #account(id: string): AccountTip {
    return this.tips.account.get(id) ?? this.#world.tips.account(id);
  }

  #transfer(id: string): TransferTip {
    const begun = this.tips.transfer.get(id);
    if (begun) return begun;
    return this.#isBegun('transfer', id)
      ? { ...NO_EVENTS, state: transfer.initialState(id) }
      : this.#world.tips.transfer(id);
  }

  #hold(id: string): HoldTip {
    const begun = this.tips.hold.get(id);
    if (begun) return begun;
    return this.#isBegun('hold', id)
      ? { ...NO_EVENTS, state: hold.initialState(id) }
      : this.#world.tips.hold(id);
  }

  #isBegun(aggregate: 'account' | 'transfer' | 'hold', id: string): boolean {
    return id === this.#begins?.id && aggregate === this.#begins.aggregate;
  }

  #latest(): TipsView {
    return {
      account: (id) => this.#account(id),
      transfer: (id) => this.#transfer(id),
      hold: (id) => this.#hold(id),
    };
  }

  #noteRead(aggregate: 'account' | 'transfer' | 'hold', id: string): void {
    if (!this.#isBegun(aggregate, id)) this.reads.push({ aggregate, id });
  }

  /** What was read for the command in hand from what may have changed since the command came. */
  #staleReads(from: number, since: number): AggregateRef[] {
    return this.#ownReads(from).filter(
      ({ aggregate, id }) => !isCurrent(this.#world.tips[aggregate as keyof TipMaps](id), since),
    );
  }

  /** What was read for the command in hand, and not written by the batch. */
  #ownReads(from: number): AggregateRef[] {
    return this.reads
      .slice(from)
      .filter(({ aggregate, id }) => !this.tips[aggregate as keyof TipMaps].has(id));
  }

  #append(submission: PendingCommand, { aggregate, id, event }: LedgerEvent): PlannedEvent {
    const ref = { aggregate, id } as const;
    const offset = this.messages.length;
    const end = ({ event: { version }, message: { hash } }: PlannedEvent) => {
      return { version, hash, append: this.append, offset };
    };
    switch (aggregate) {
      case 'account': {
        const before = this.#account(id);
        const state = account.evolve(before.state, event);
        assert(state.status !== 'none', 'an account exists after any of its events');
        const data = accountEventData(event, state);
        const written = this.#write(submission, { ref, name: event.type, data }, before);
        this.tips.account.set(id, { state, ...end(written) });
        return written;
      }
      case 'transfer': {
        const before = this.#transfer(id);
        const data = transferEventData(event, () => completionOf(required(before.last)));
        const written = this.#write(submission, { ref, name: event.type, data }, before);
        const state = transfer.evolve(before.state, event);
        this.tips.transfer.set(id, { state, ...end(written), last: factOf(written) as TransferFact });
        return written;
      }
      case 'hold': {
        const before = this.#hold(id);
        const written = this.#write(
          submission,
          { ref, name: event.type, data: holdEventData(event) },
          before,
        );
        const state = hold.evolve(before.state, event);
        this.tips.hold.set(id, { state, ...end(written), last: factOf(written) as HoldFact });
        return written;
      }
    }
  }

  /** Remembers the result of a command. */
  #receipt(submission: PendingCommand, result: Result): PlannedEvent {
    const { identity: ref } = submission;
    assert(ref?.aggregate === 'command', 'a command that gets a receipt is known by it');
    return this.#write(submission, { ref, name: 'CommandRecorded', data: result.receipt() }, NO_EVENTS);
  }

  #write(
    { request, workflowId }: Submission,
    content: { ref: AggregateRef; name: EventName; data: EventData },
    end: ChainEnd,
  ): PlannedEvent {
    const { ledger, now, after } = this.#world;
    const event: NewEvent = {
      ref: content.ref,
      name: content.name,
      data: content.data,
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
    const ownSubject = aggregateSubject(ledger, content.ref);
    const subject = isNamedByKey(request, event) ? idSubject(ledger, content.ref.id) : ownSubject;
    // Only an aggregate's first message in the batch is guarded: the server refuses a second guard on a subject.
    const guard = this.#guarded.has(ownSubject) ? undefined : { subject, sequence: () => positionOf(end) };
    this.#guarded.add(ownSubject);
    this.messages.push({
      subject: message.subject,
      headers: message.headers,
      payload: message.payload,
      guard,
    });
    return { name: content.name, event, message };
  }
}

/**
 * A transfer is known again by its own first event; every other command that has an identity of its own leaves a
 * receipt. One to an account leaves none if it is rejected: nothing has happened.
 */
function needsReceipt({ identity, command }: Interpretation, rejection: Rejection | undefined): boolean {
  if (identity?.aggregate !== 'command') return false;
  return rejection === undefined || (isRecorded(rejection) && command.type !== 'account');
}

/**
 * Whether an event begins what has its id from a key. Then nothing at all may be under that id: the key may have been used
 * for a command of another kind.
 */
function isNamedByKey({ idempotency_key: key }: CommandRequest, { ref, version }: NewEvent): boolean {
  return key !== undefined && version === 1 && (ref.aggregate === 'transfer' || ref.aggregate === 'command');
}

function factOf({ name, event }: PlannedEvent) {
  const { ref, time, workflowId, data } = event;
  return { aggregateId: ref.id, time, workflowId, name, data };
}

function required<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('What is reversed was completed by an event');
  return thing;
}
