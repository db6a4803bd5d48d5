/**
 * The appender: takes commands, decides them in order and commits the events of all that wait as one atomic batch.
 * While a batch is on its way to the disk the next one gathers, so that a batch grows with the load and a lone command
 * never waits. Two appenders are correct together: every aggregate in a batch is guarded by its expected position.
 */
import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import { LRUCache } from 'lru-cache';
import { accountsOf } from '../domain/ledger.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import { toCommand } from '../contracts/commands.ts';
import { accountStateData, eventType, type EventData, type RecordedEvent } from '../contracts/events.ts';
import type { AggregateRef } from '../contracts/subjects.ts';
import type { ExistingAccount } from '../domain/account.ts';
import { BATCH_MESSAGES_MAX, publishAtomically } from './batch.ts';
import { identityOf, planBatch, type Plan, type PlannedEvent, type Submission } from './plan.ts';
import type { EventReader } from './event-reader.ts';
import { LogUnavailable } from './reader.ts';
import { createTips } from './tips.ts';

type AccountState = Omit<EventData<'CommandAnswered'>, 'account' | 'created'>;

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

export type Appender = {
  /**
   * Carries a command out, once: the same command again has the same outcome.
   * @throws Overloaded at once if too much is waiting; LogUnavailable if the log does not answer. Then the outcome is
   * not known, and the same command again will tell it.
   */
  readonly submit: (submission: Submission) => Promise<Outcome>;
  /** How many commands wait. */
  readonly depth: () => number;
  /** Takes nothing more, and resolves when all that was taken has its outcome. */
  readonly close: () => Promise<void>;
};

/** The queue is full. Nothing was done. */
export class Overloaded extends Error {
  override readonly name = 'Overloaded';
}

export type AppenderOptions = {
  readonly ledger: string;
  readonly clock: () => Date;
  /** Commands that may wait. */
  readonly queueMax?: number;
};

type Item = Submission & {
  readonly identity: AggregateRef | undefined;
  readonly since: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
  /** An append with this command in it had no clear answer: if it is found in the log, it is this one's own. */
  inDoubt: boolean;
};

const COMMIT_TIMEOUT_MS = 2_000;
/** How long a round of commands may keep trying, and how old one may get in the queue, before its caller is told. */
const PATIENCE_MS = 5_000;
/** Identities decided here lately: a repeated request is answered without asking the log. */
const RECENT_MAX = 20_000;

/** Starts an appender on a ledger's stream. */
export function createAppender(
  nc: NatsConnection,
  reader: Pick<EventReader, 'first'>,
  { ledger, clock, queueMax = 10_000 }: AppenderOptions,
): Appender {
  const tips = createTips(nc, ledger);
  const recent = new LRUCache<string, RecordedEvent>({ max: RECENT_MAX });
  const queue: Item[] = [];
  let working: Promise<void> | undefined;
  let closed = false;

  async function work(): Promise<void> {
    while (queue.length > 0) {
      const items = queue.splice(0, BATCH_MESSAGES_MAX / 2);
      try {
        await round(items);
      } catch (error) {
        for (const item of items) item.reject(error);
      }
    }
    working = undefined;
  }

  /** Settles every item, except those that found no room: they go back to the front of the queue. */
  async function round(items: readonly Item[]): Promise<void> {
    const started = performance.now();
    let waiting = items.filter((item) => !tooOld(item));
    for (let attempt = 1; ; attempt++) {
      try {
        waiting = await settleDecided(waiting, attempt > 1);
        const [batch, twins] = apart(waiting);
        if (batch.length === 0) return;
        const accounts = batch.flatMap((item) => accountsOf(toCommand(item.request)));
        await tips.load(accounts, { fresh: attempt > 1 });
        const now = timeOfEvents();
        const plan = planBatch(batch, { ledger, now, account: tips.account });
        const first = await commit(plan, batch);
        if (first !== undefined) {
          tips.note(now);
          settle(plan, batch, first);
          queue.unshift(...batch.slice(plan.outcomes.length), ...twins);
          return;
        }
      } catch (error) {
        if (!(error instanceof LogUnavailable) || performance.now() - started > PATIENCE_MS) throw error;
      }
      if (performance.now() - started > PATIENCE_MS) {
        throw new LogUnavailable('The log did not take the commands in time.');
      }
      await backOff(attempt);
    }
  }

  /** A clock that steps back must not date an event before the one that it follows. */
  function timeOfEvents(): string {
    const now = clock().toISOString();
    return now > tips.latest() ? now : tips.latest();
  }

  /** The position of the plan's first message, or undefined if it must be decided again. */
  async function commit(plan: Plan, batch: readonly Item[]): Promise<number | undefined> {
    if (plan.messages.length === 0) return 0;
    const result = await publishAtomically(nc, plan.messages, {
      batchId: randomUUID(),
      timeoutMs: COMMIT_TIMEOUT_MS,
    });
    switch (result.type) {
      case 'stored':
        return result.first;
      case 'conflict':
        return undefined;
      case 'unknown':
        for (const item of batch) item.inDoubt = true;
        return undefined;
    }
  }

  /**
   * Answers the items whose command was decided before. On the first try a transfer is looked up only in what this
   * appender remembers: whatever is decided about it writes its outcome, and if the log has one already, the guard
   * refuses that and the log is asked. An account command may be refused without a message, so it asks at once.
   */
  async function settleDecided(items: readonly Item[], retry: boolean): Promise<Item[]> {
    const asked = items
      .filter(({ request }) => retry || request.type !== 'transfer')
      .flatMap(({ identity }) => (identity && !recent.has(key(identity)) ? [identity] : []));
    if (asked.length > 0) {
      for (const last of await tips.lastEvents(asked)) {
        const ref = { aggregate: last.aggregate, id: last.aggregateId };
        recent.set(key(ref), (await reader.first(ref)) ?? last);
      }
    }
    return items.filter((item) => {
      const event = item.identity && recent.get(key(item.identity));
      const outcome = event && replay(item, event);
      if (outcome) item.resolve(outcome);
      return !outcome;
    });
  }

  function settle(plan: Plan, batch: readonly Item[], first: number): void {
    for (const [id, tip] of plan.tips) tips.setAccount(id, { ...tip, position: first + tip.position });
    for (const [index, planned] of plan.outcomes.entries()) {
      const item = batch[index];
      if (!item) throw new Error('Each planned outcome belongs to an item');
      if (planned.error !== undefined) {
        item.reject(planned.error);
        continue;
      }
      const events = planned.events.map((event, place) => recorded(event, first + planned.start + place));
      const made = item.identity && events.find((event) => isOf(event, item.identity));
      if (item.identity && made) recent.set(key(item.identity), made);
      item.resolve(outcomeOf(item, events, planned.rejection));
    }
  }

  function outcomeOf(item: Item, events: readonly RecordedEvent[], refused: Rejection | undefined): Outcome {
    const { request } = item;
    const transferred = events.find(isTransferOutcome);
    if (transferred) return { type: 'transfer', event: transferred, replayed: false };
    if (refused) return { type: 'refused', rejection: refused };
    const tip = tips.account(request.id);
    return {
      type: 'account',
      id: request.id,
      state: { version: tip.version, ...accountStateData(tip.state as ExistingAccount) },
      created: request.type === 'account.create',
      position: events.at(-1)?.position ?? tip.position,
      replayed: false,
    };
  }

  return {
    depth: () => queue.length,
    submit(submission) {
      if (closed || queue.length >= queueMax) {
        return Promise.reject(
          new Overloaded(closed ? 'Shutting down.' : `${queueMax} commands wait already.`),
        );
      }
      return new Promise((resolve, reject) => {
        const identity = identityOf(submission.request);
        queue.push({ ...submission, identity, since: performance.now(), resolve, reject, inDoubt: false });
        // One turn of the event loop, so that what arrives together is decided together.
        working ??= new Promise<void>((next) => setImmediate(next)).then(work);
      });
    },
    async close() {
      closed = true;
      await working;
    },
  };
}

function tooOld(item: Item): boolean {
  const old = performance.now() - item.since > PATIENCE_MS;
  if (old) item.reject(new LogUnavailable('The command waited too long for the log.'));
  return old;
}

function key(ref: AggregateRef): string {
  return `${ref.aggregate}.${ref.id}`;
}

function isOf(event: RecordedEvent, ref: AggregateRef | undefined): boolean {
  return ref !== undefined && event.aggregate === ref.aggregate && event.aggregateId === ref.id;
}

function isTransferOutcome(
  event: RecordedEvent,
): event is RecordedEvent<'TransferCompleted' | 'TransferRejected'> {
  return event.name === 'TransferCompleted' || event.name === 'TransferRejected';
}

/** Items of which none has the same identity as another, and the repetitions: those see the first ones' outcome. */
function apart(items: readonly Item[]): [batch: Item[], twins: Item[]] {
  const seen = new Set<string>();
  const batch: Item[] = [];
  const twins: Item[] = [];
  for (const item of items) {
    const id = item.identity && key(item.identity);
    (id !== undefined && seen.has(id) ? twins : batch).push(item);
    if (id !== undefined) seen.add(id);
  }
  return [batch, twins];
}

/** The outcome of a command that the log has already, from its first event; undefined if it must be decided. */
function replay(item: Item, event: RecordedEvent): Outcome | undefined {
  const same = event.fingerprint === item.request.fingerprint;
  const replayed = !item.inDoubt;
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
  if (isTransferOutcome(event)) return { type: 'transfer', event, replayed };
  if (event.name === 'CommandAnswered') {
    const { account, created, ...state } = event.data;
    return { type: 'account', id: account, state, created, position: event.position, replayed };
  }
  throw new Error(`${event.name} at position ${event.position} does not end a command`);
}

/** The event as the log now has it. */
function recorded(event: PlannedEvent, position: number): RecordedEvent {
  const { ref, message, ...rest } = event;
  return {
    ...rest,
    position,
    subject: message.stored,
    aggregate: ref.aggregate,
    aggregateId: ref.id,
    source: message.headers.get('ce-source'),
    type: eventType(event.name),
    hash: message.hash,
  } as RecordedEvent;
}

/** Full jitter, so that two appenders that collided do not collide again. */
function backOff(attempt: number): Promise<void> {
  const longest = Math.min(5 * 2 ** attempt, 500);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longest));
}
