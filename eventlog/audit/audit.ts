/**
 * Audits a log: takes its messages in order, from the first one, and tells the first thing that is wrong. Pure: the
 * messages may come from a stream, a file or a test. What it remembers grows with the number of aggregates, and a little
 * with what waits or is held.
 */
import { createHash } from 'node:crypto';
import type { EventName, RecordedEvent } from '../../contracts/events.ts';
import { aggregateSubject } from '../../contracts/subjects.ts';
import type { StoredMessage } from '../wire/codec.ts';
import { AccountsCheck } from './accounts-check.ts';
import { BatchCheck } from './batch-check.ts';
import { ChainEnds } from './chain-ends.ts';
import { CounterpartsCheck } from './counterparts-check.ts';
import { AuditError, type Finding, type Location } from './finding.ts';
import { isFirstEvent, firstPhase, isAccountEvent, phaseAfter, type Phase } from './event-rules.ts';
import { checkMessage } from './message-check.ts';
import { OrderCheck } from './order-check.ts';
import { ReservationsCheck } from './reservations-check.ts';
import { ReversedCheck } from './reversed-check.ts';
import { requireFitting, termsDigest } from './terms-check.ts';

/** The log up to a position, in 64 digits: noted somewhere else, it tells later whether the log is still the same. */
export type Anchor = { readonly position: number; readonly digest: string };

/** A message that is as it should be, or what is wrong. */
export type Checked =
  | { readonly event: RecordedEvent; readonly endsBatch: boolean; readonly finding?: undefined }
  | { readonly finding: Finding };

export type AuditSummary = {
  /** The position of the last message that was good; 0 before the first. */
  readonly position: number;
  readonly aggregates: number;
  readonly accounts: number;
  readonly batches: number;
  readonly events: Readonly<Partial<Record<EventName, number>>>;
  /** The sum of all posted balances, by currency. */
  readonly sums: Readonly<Record<string, string>>;
  /** SHA-256 over the hashes of all messages, in order. */
  readonly digest: string;
  /**
   * How often a time is earlier than the one before it. It happens where one writer takes over from another whose
   * clock was ahead; nowhere else.
   */
  readonly stepsBack: { readonly count: number; readonly first?: number | undefined };
};

export class Audit {
  readonly #ledger: string;
  readonly #anchors: readonly Anchor[];
  readonly #chains = new ChainEnds();
  readonly #batch = new BatchCheck();
  readonly #order = new OrderCheck();
  readonly #reversed = new ReversedCheck();
  readonly #reservations = new ReservationsCheck();
  readonly #counterparts = new CounterpartsCheck();
  readonly #accounts = new AccountsCheck();
  readonly #digest = createHash('sha256');
  readonly #counts: Partial<Record<EventName, number>> = {};
  #position = 0;
  #time = '';
  #stepsBack: AuditSummary['stepsBack'] = { count: 0 };

  constructor({ ledger, anchors = [] }: { ledger: string; anchors?: readonly Anchor[] }) {
    this.#ledger = ledger;
    this.#anchors = anchors;
  }

  /** Takes the next message of the log. After a finding nothing more may be added. */
  add(message: StoredMessage): Checked {
    try {
      return this.#check(message);
    } catch (error) {
      return { finding: findingOf(error, locationOfMessage(message)) };
    }
  }

  /**
   * The log ends here.
   * @param last the position where its keeper says that it ends
   */
  end(last = this.#position): Finding | undefined {
    const location = { position: this.#position, subject: '', event: '' };
    try {
      if (last !== this.#position) {
        const gap = `the log ends at position ${last}, but nothing is stored after ${this.#position}`;
        throw new AuditError('sequence', gap, { ...location, position: this.#position + 1 });
      }
      this.#batch.end();
      const missed = this.#anchors.find(({ position }) => position > this.#position);
      if (missed) {
        const message = `position ${missed.position} was noted, but the log ends at ${this.#position}: its end is gone`;
        throw new AuditError('anchor', message);
      }
      return undefined;
    } catch (error) {
      return findingOf(error, location);
    }
  }

  summary(): AuditSummary {
    return {
      position: this.#position,
      aggregates: this.#chains.size,
      accounts: this.#accounts.size,
      batches: this.#batch.count,
      events: this.#counts,
      sums: Object.fromEntries([...this.#accounts.sums].map(([currency, sum]) => [currency, sum.toString()])),
      digest: this.#digestNow(),
      stepsBack: this.#stepsBack,
    };
  }

  #check(message: StoredMessage): Checked {
    if (message.seq !== this.#position + 1) {
      throw new AuditError(
        'sequence',
        `it follows position ${this.#position}: ${missing(this.#position, message.seq)}`,
      );
    }
    const event = checkMessage(message, this.#ledger);
    const endsBatch = this.#batch.add(event);
    this.#link(event, message);
    this.#order.add(event);
    requireAfter(message);
    this.#reversed.add(event);
    this.#reservations.add(event);
    this.#counterparts.add(event);
    if (isAccountEvent(event)) this.#accounts.add(event);
    if (endsBatch) {
      this.#reservations.endBatch();
      this.#counterparts.endBatch();
      this.#accounts.endBatch();
    }
    this.#digest.update(event.hash);
    this.#position = message.seq;
    this.#requireAnchor();
    this.#counts[event.name] = (this.#counts[event.name] ?? 0) + 1;
    this.#noteTime(event);
    return { event, endsBatch };
  }

  /** Puts the event at the end of its aggregate's chain. */
  #link(event: RecordedEvent, { headers }: StoredMessage): void {
    const { aggregate, aggregateId, position, hash } = event;
    const key = `${aggregate}/${aggregateId}`;
    const slot = this.#chains.slotOf(key);
    const version = this.#chains.version(slot) + 1;
    if (event.version !== version || headers.get('ce-version') !== String(version)) {
      const is = headers.get('ce-version') ?? '';
      throw new AuditError('version', `it has the version ${is}, but the next one of ${key} is ${version}`);
    }
    if (!this.#chains.endsWith(slot, event.previousHash)) {
      throw new AuditError('chain', `its ce-prevhash is not the hash of version ${version - 1} of ${key}`);
    }
    const ref = { aggregate, id: aggregateId };
    const before = version === 1 ? firstPhase(ref) : this.#chains.phase(slot);
    const phase = phaseAfter(event, before);
    if (phase === undefined) throw new AuditError('lifecycle', outOfTime(event, before));
    requireFitting(event, before);
    const terms = termsDigest(event);
    if (version > 1 && terms !== this.#chains.terms(slot)) {
      throw new AuditError('terms', `what it says that ${key} is to be is not what was said before`);
    }
    const subject = aggregateSubject(this.#ledger, ref);
    requireGuards(headers, { subject, before: this.#chains.position(slot), position });
    this.#chains.append(slot, key, { version, hash, position, phase, terms });
  }

  #requireAnchor(): void {
    for (const { position, digest } of this.#anchors) {
      if (position === this.#position && digest !== this.#digestNow()) {
        throw new AuditError('anchor', `the log up to it is not the one whose digest was noted: ${digest}`);
      }
    }
  }

  #digestNow(): string {
    return this.#digest.copy().digest('hex');
  }

  #noteTime({ time, position }: RecordedEvent): void {
    if (time < this.#time) {
      this.#stepsBack = { count: this.#stepsBack.count + 1, first: this.#stepsBack.first ?? position };
    }
    this.#time = time;
  }
}

/**
 * Each event tells how far the log went before it. Another writer may have come between, so it may stand later than
 * its writer knew, but never earlier: then something before it was taken out.
 */
function requireAfter({ headers, seq: position }: StoredMessage): void {
  const after = headers.get('ce-after');
  if (after !== undefined && Number(after) >= position) {
    throw new AuditError(
      'guard',
      `the log went to position ${after} before it: ${Number(after) - position + 1} missing`,
    );
  }
}

/**
 * What the writer expected is stored with the message. No hash covers it, but it tells where the message stood: if a
 * message before it was left out and the rest moved up, it does not fit any more.
 */
function requireGuards(
  headers: StoredMessage['headers'],
  { subject, before, position }: { subject: string; before: number; position: number },
): void {
  const ofSubject = headers.get('Nats-Expected-Last-Subject-Sequence');
  const guarded = headers.get('Nats-Expected-Last-Subject-Sequence-Subject');
  if (guarded === subject && ofSubject !== String(before)) {
    throw new AuditError(
      'guard',
      `it was appended behind position ${ofSubject} of its aggregate, which is now at ${before}`,
    );
  }
  const ofStream = headers.get('Nats-Expected-Last-Sequence');
  if (ofStream !== undefined && ofStream !== String(position - 1)) {
    throw new AuditError(
      'guard',
      `it was appended behind position ${ofStream}, and now is behind ${position - 1}`,
    );
  }
}

function outOfTime(event: RecordedEvent, phase: Phase): string {
  const { aggregate, aggregateId, name } = event;
  const key = `${aggregate}/${aggregateId}`;
  if (phase === 'ended') return `${key} has ended before it`;
  if (phase === 'none') return `${key} does not begin with ${name}`;
  if (isFirstEvent(event)) return `${key} has begun before it`;
  return `${name} cannot happen to ${key} now: ${IS[phase]}`;
}

const IS: Readonly<Record<Exclude<Phase, 'none' | 'ended'>, string>> = {
  world: 'it stands for the world outside',
  requested: 'nobody has approved it',
  open: 'it is open',
  frozen: 'it is frozen',
  posted: 'its money has moved',
};

function missing(before: number, seq: number): string {
  if (seq <= before) return 'it is not in its place';
  const [first, last] = [before + 1, seq - 1];
  return first === last ? `position ${first} is missing` : `positions ${first} to ${last} are missing`;
}

function locationOfMessage({ seq, subject, headers }: StoredMessage): Location {
  return { position: seq, subject, event: headers.get('ce-type') ?? '' };
}

function findingOf(error: unknown, location: Location): Finding {
  if (!(error instanceof AuditError)) throw error;
  return { ...(error.location ?? location), code: error.code, message: error.message };
}
