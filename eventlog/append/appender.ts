/**
 * The appender: takes commands, decides them in order and commits the events of all that wait as one atomic batch.
 * While a batch is on its way to the disk the next one gathers, so that a batch grows with the load and a lone command
 * never waits. Two appenders are correct together: every aggregate in a batch is guarded by its expected position.
 */
import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import type { RecordedEvent } from '../../contracts/events.ts';
import { positionSubject, type AggregateRef } from '../../contracts/subjects.ts';
import { KEY_REUSED, type Rejection } from '../../domain/rejections.ts';
import { makesTransfer } from '../../messages/commands.ts';
import { LogDamaged, LogUnavailable, NotActive, Overloaded } from '../errors.ts';
import { verifiedEnd } from '../read/direct-get.ts';
import type { EventReader } from '../read/event-reader.ts';
import { BATCH_MESSAGES_MAX } from '../wire/codec.ts';
import type { AppenderObserver } from './appender-observer.ts';
import { publishAtomically, type AppendResult } from './batch.ts';
import { dedupKeys } from './identity.ts';
import { createKnownCommands, keyOf } from './known-commands.ts';
import { replay, type Outcome } from './outcome.ts';
import { interpret, planBatch, type Plan, type Submission, type PendingCommand } from './plan.ts';
import { createTips, type TipMaps } from './tips.ts';

export type Appender = {
  /**
   * Carries a command out, once: the same command again has the same outcome.
   * @throws Overloaded at once if too much is waiting; LogUnavailable if the log does not answer. Then the outcome is
   * not known, and the same command again will tell it.
   */
  readonly submit: (submission: Submission & SentBefore) => Promise<Outcome>;
  /** How many commands wait. */
  readonly depth: () => number;
  /** Takes nothing more, and resolves when all that was taken has its outcome. */
  readonly close: () => Promise<void>;
};
/** What happened to a command before it came here. */
export type SentBefore = {
  /** If it is found in the log, it is this one's own. */
  readonly inDoubt?: boolean;
  /** When it first began to wait, by `performance.now()`. */
  readonly since?: number;
};

export type AppenderOptions = {
  readonly ledger: string;
  readonly clock: () => Date;
  /** Commands that may wait. */
  readonly queueMax?: number;
  /** Asked before every append. If the answer is no, what waits is rejected with `NotActive`. */
  readonly active?: () => boolean;
  /** Told of every batch that was sent. */
  readonly observer?: Pick<AppenderObserver, 'appended'> | undefined;
};

/** An appender that can be told that others have appended in the meantime. */
export type LocalAppender = Appender & {
  /** Forgets what it remembers of accounts, so that they are read again. */
  readonly forget: () => void;
};

type Item = PendingCommand & {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
  /** An append with this command in it had no clear answer: if it is found in the log, it is this one's own. */
  inDoubt: boolean;
  /** An append with this command in it was not stored, as far as is known: the log may know it already. */
  retried: boolean;
};

/** A batch that is decided, and on its way once it has a result. */
type InFlightBatch = { readonly items: readonly Item[]; readonly plan: Plan };

/** A command of which nothing was recorded, and why. */
type CommandError = { readonly item: Item; readonly rejection: Rejection | undefined };

const COMMIT_TIMEOUT_MS = 2_000;
/** How old a command may get before its caller is told that the log did not take it. */
export const PATIENCE_MS = 5_000;
/** How often a command is decided that does not go together with what is read. */
const READINGS_MAX = 4;
/** Commands that are looked at for one batch. */
const TAKE = BATCH_MESSAGES_MAX / 2;
/** Commands that nearly fill a batch, as a transfer is three messages: so many has a chunk of a bulk. */
const FULL = 300;

/** Starts an appender on a ledger's stream. */
export function createAppender(
  nc: NatsConnection,
  reader: Pick<EventReader, 'first'>,
  { ledger, clock, queueMax = 10_000, active = () => true, observer }: AppenderOptions,
): LocalAppender {
  const tips = createTips(nc, ledger);
  const known = createKnownCommands({ nc, ledger }, { first: reader.first, tips });
  const queue: Item[] = [];
  let working: Promise<void> | undefined;
  let closed = false;
  /** Others have appended. The tips are dropped before the next plan, never while one is being made. */
  let stale = false;
  /** How far the log goes, as far as this appender knows. Each event tells it, so that what is cut out is missed. */
  let end: number | undefined;
  /** How far it once went, as was told here or by a projector: it never goes less far. */
  let furthest = 0;
  const positions = nc.subscribe(positionSubject(ledger, '*'), {
    callback: (error, message) => {
      if (!error) furthest = Math.max(furthest, Number(message.string()) || 0);
    },
  });

  async function work(): Promise<void> {
    let ahead: { inFlight: InFlightBatch; result: Promise<AppendResult> } | undefined;
    let failures = 0;
    while (queue.length > 0 || ahead) {
      // A full batch is decided while the one before it is on its way. A smaller one had better wait and grow.
      const next = ahead === undefined || queue.length >= FULL ? await decide(ahead?.inFlight) : undefined;
      const landed = ahead;
      ahead = undefined;
      if (landed) {
        const { inFlight, result } = landed;
        const appended = await result;
        if (appended.type !== 'stored') {
          requeue([inFlight, ...(next ? [next] : [])], appended);
          end = undefined;
          await backOff(++failures);
          continue;
        }
        inFlight.plan.append.first = appended.first;
        end = Math.max(end ?? 0, appended.first + inFlight.plan.messages.length - 1);
        furthest = Math.max(furthest, end);
      }
      failures = next === 'unavailable' ? failures + 1 : 0;
      // First the next batch is sent: telling the callers what is stored goes on while it is on its way.
      if (next && next !== 'unavailable') ahead = { inFlight: next, result: send(next.plan) };
      const settled = landed === undefined || (await settle(landed.inFlight));
      if (!settled) failures += 1;
      if (next === 'unavailable' || !settled) await backOff(failures);
    }
    working = undefined;
  }

  /**
   * Decides what waits, as things will be when `ahead` has landed. What finds no room stays in the queue, and so does
   * what repeats a command that is on its way: it will see that one's outcome.
   */
  async function decide(
    ahead: InFlightBatch | undefined,
  ): Promise<InFlightBatch | 'unavailable' | undefined> {
    const items = queue.splice(0, TAKE).filter((item) => !tooOld(item));
    if (!active()) {
      for (const item of items) item.reject(new NotActive(item.inDoubt));
      return undefined;
    }
    let open = items;
    try {
      open = await settleDecided(items);
      const { batch, repeats } = separateRepeats(open, ahead);
      if (stale) {
        tips.forget();
        if (!ahead) end = undefined;
      }
      stale = false;
      end ??= await endOfLog();
      const plan = await planFor(batch, end + (ahead?.plan.messages.length ?? 0));
      tips.set(plan.tips);
      const planned = batch.splice(0, plan.outcomes.length);
      queue.unshift(...batch, ...repeats);
      return planned.length === 0 ? undefined : { items: planned, plan };
    } catch (error) {
      if (mayPass(error)) {
        queue.unshift(...open);
        return 'unavailable';
      }
      for (const item of open) item.reject(error);
      return undefined;
    }
  }

  /** @throws LogDamaged if something is missing: what was decided without it could contradict it. */
  async function endOfLog(): Promise<number> {
    const before = furthest;
    const last = await verifiedEnd({ nc, ledger }, before);
    if (last >= before) return last;
    throw new LogDamaged(
      `The log ends at position ${last}, but has gone to ${before}: its end is missing. Nothing is decided without it.`,
    );
  }

  /**
   * What changes an aggregate is guarded by its last position. A rejection changes none, and some accounts are only looked
   * at: nothing would tell that it was decided on what another appender has changed since. So it counts only if what it
   * saw was read, or written here, after the command had come; if not, it is read again. Each aggregate is then as it
   * was at some moment between the asking and the answer.
   */
  async function planFor(batch: readonly Item[], after: number): Promise<Plan> {
    for (let readings = 1; ; readings += 1) {
      await tips.load(batch.map(({ command }) => command));
      const now = timeOfEvents();
      const plan = planBatch(batch, { ledger, now, after, tips });
      const doubtful = plan.outcomes.flatMap(({ unguarded, error }) =>
        error === undefined || readings < READINGS_MAX ? unguarded : [],
      );
      if (doubtful.length === 0) {
        tips.note(now);
        return plan;
      }
      tips.forget(doubtful);
    }
  }

  /** A clock that steps back must not date an event before the one that it follows. */
  function timeOfEvents(): string {
    const now = clock().toISOString();
    return now > tips.latest() ? now : tips.latest();
  }

  async function send({ messages }: Plan): Promise<AppendResult> {
    if (messages.length === 0) return { type: 'stored', first: 0 };
    const sent = performance.now();
    const result = await publishAtomically(nc, messages, {
      batchId: randomUUID(),
      timeoutMs: COMMIT_TIMEOUT_MS,
    });
    const seconds = (performance.now() - sent) / 1_000;
    observer?.appended({ result: result.type, messages: messages.length, seconds });
    return result;
  }

  /** Tells the callers what has been stored. False if the log does not tell who gets an error. */
  async function settle({ items, plan }: InFlightBatch): Promise<boolean> {
    const errors: CommandError[] = [];
    for (const [index, planned] of plan.outcomes.entries()) {
      const item = items[index];
      if (!item) throw new Error('Each planned outcome belongs to an item');
      if (planned.error !== undefined) {
        item.reject(planned.error);
        continue;
      }
      const { identity } = item;
      if (identity) {
        const offset = planned.events.findIndex(({ event: { ref } }) => sameAs(ref, identity));
        if (offset >= 0) known.note(identity, plan.append.first + planned.start + offset);
      }
      if (planned.result) item.resolve(planned.result.outcome());
      else errors.push({ item, rejection: planned.rejection });
    }
    return errors.length === 0 || (await settleErrors(errors));
  }

  /**
   * The same command may have been carried out before, and that is what stands in its way now. Who has looked already
   * looks again: another appender may have been at it since. Not before the batch is stored: an error may be due to what
   * the batch itself changes, and until then another appender may record the command.
   */
  async function settleErrors(errors: readonly CommandError[]): Promise<boolean> {
    const wanted = errors.flatMap(({ item }) => {
      const { same, conflicting } = dedupKeys(item);
      return [...same, ...conflicting].map((identity) => ({ identity, search: true }));
    });
    try {
      const events = await known.find(wanted);
      for (const { item, rejection } of errors)
        item.resolve(outcomeInLog(item, events) ?? asError(rejection));
      return true;
    } catch (error) {
      if (mayPass(error)) queue.unshift(...errors.map(({ item }) => item));
      else for (const { item } of errors) item.reject(error);
      return !mayPass(error);
    }
  }

  /** What has not been stored, as far as is known, is decided again on accounts that are read again. */
  function requeue([sent, ...next]: readonly (InFlightBatch | 'unavailable')[], result: AppendResult): void {
    for (const inFlight of [sent, ...next].toReversed()) {
      if (inFlight === undefined || inFlight === 'unavailable') continue;
      for (const item of inFlight === sent ? inFlight.items : []) {
        item.retried = true;
        item.inDoubt ||= result.type === 'unknown';
      }
      tips.forget(inFlight.plan.reads);
      tips.forget(refsOf(inFlight.plan.tips));
      queue.unshift(...inFlight.items);
    }
  }

  /**
   * Answers the items whose command was decided before. At first a transfer is looked up only in what this appender
   * remembers: what is decided about it writes its outcome, and if the log has one already, the guard refuses that and
   * the log is asked. Other commands are fewer, and ask at once.
   */
  async function settleDecided(items: readonly Item[]): Promise<Item[]> {
    const wanted = items.flatMap((item) => {
      const search = item.retried || item.inDoubt || !makesTransfer(item.request);
      const { same, conflicting } = dedupKeys(item);
      return [...same, ...(item.retried ? conflicting : [])].map((identity) => ({ identity, search }));
    });
    const events = await known.find(wanted);
    if (events.size === 0) return [...items];
    return items.filter((item) => {
      const outcome = outcomeInLog(item, events);
      if (outcome) item.resolve(outcome);
      return !outcome;
    });
  }

  return {
    depth: () => queue.length,
    forget() {
      stale = true;
    },
    submit(submission) {
      if (closed || queue.length >= queueMax) {
        return Promise.reject(
          new Overloaded(closed ? 'Shutting down.' : `${queueMax} commands are already waiting.`),
        );
      }
      return new Promise((resolve, reject) => {
        const { request, since = performance.now(), inDoubt = false } = submission;
        queue.push({
          ...submission,
          ...interpret(request),
          since,
          resolve,
          reject,
          inDoubt,
          retried: false,
        });
        // One turn of the event loop, so that what arrives together is decided together.
        working ??= new Promise<void>((next) => setImmediate(next)).then(work);
      });
    },
    async close() {
      closed = true;
      await working;
      positions.unsubscribe();
    },
  };
}

/** What the log has of a command, or has in its place. */
function outcomeInLog(item: Item, events: ReadonlyMap<string, RecordedEvent>): Outcome | undefined {
  const { same, conflicting } = dedupKeys(item);
  const found = (refs: readonly AggregateRef[]) => refs.flatMap((ref) => events.get(keyOf(ref)) ?? []);
  const [event] = found(same);
  if (event) return replay(item.request, event, item.inDoubt);
  // With the same fingerprint it is the command itself: what it is known by came to the log just after we asked.
  const others = found(conflicting).filter(({ fingerprint }) => fingerprint !== item.request.fingerprint);
  return others.length > 0 ? asError(KEY_REUSED) : undefined;
}

function mayPass(error: unknown): boolean {
  return error instanceof LogUnavailable && !(error instanceof LogDamaged);
}

function asError(rejection: Rejection | undefined): Outcome {
  if (!rejection) throw new Error('A command has a result, or is refused');
  return { type: 'error', rejection };
}

function tooOld(item: Item): boolean {
  const old = performance.now() - item.since > PATIENCE_MS;
  if (old) item.reject(new LogUnavailable('The log did not accept the command in time.'));
  return old;
}

/**
 * Items of which none is known by the same id as another, here or on its way, and the others: repetitions, and commands of
 * another kind with the same key.
 */
function separateRepeats(
  items: readonly Item[],
  ahead: InFlightBatch | undefined,
): { batch: Item[]; repeats: Item[] } {
  const seen = new Set(ahead?.items.map(({ identity }) => identity?.id));
  const batch: Item[] = [];
  const repeats: Item[] = [];
  for (const item of items) {
    const id = item.identity?.id;
    (id !== undefined && seen.has(id) ? repeats : batch).push(item);
    seen.add(id);
  }
  return { batch, repeats };
}

function refsOf(tips: TipMaps): AggregateRef[] {
  const refs = (aggregate: keyof TipMaps) => [...tips[aggregate].keys()].map((id) => ({ aggregate, id }));
  return [...refs('account'), ...refs('transfer'), ...refs('hold')];
}

function sameAs(one: AggregateRef, other: AggregateRef): boolean {
  return one.id === other.id && one.aggregate === other.aggregate;
}

/** Full jitter, so that two appenders that collided do not collide again. */
function backOff(attempt: number): Promise<void> {
  const longest = Math.min(5 * 2 ** attempt, 500);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longest));
}
