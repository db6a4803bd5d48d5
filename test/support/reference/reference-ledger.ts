/**
 * A ledger as a child would keep it: it follows the log, command by command, and holds each event against what the rules
 * say of that command; and each answer against what the log has.
 */
import type { EventData, EventName, RecordedEvent } from '../../../contracts/events.ts';
import type { Outcome } from '../../../eventlog/append/outcome.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import { Impossible, wanted, type Wanted } from './reference-rules.ts';
import {
  isWaiting,
  tell,
  tellAccount,
  tellHold,
  untouched,
  type Kind,
  type Look,
  type Things,
} from './reference-things.ts';

/** A command, as it was asked for: after this position had been reached, and before that one was. */
export type Sent = { readonly request: CommandRequest; readonly after: number; readonly before: number };

/** What the log has of a command. */
type Recorded = {
  readonly fingerprint: string;
  readonly response: string;
  readonly first: number;
  /** Where its answer stands. */
  readonly position: number;
};

export class ReferenceLedger {
  /** What it would have done otherwise. */
  readonly faults: string[] = [];
  /** How often each kind of event came. */
  readonly met: Record<string, number> = {};
  readonly #sent: ReadonlyMap<string, Sent>;
  /** Each thing as it came to be, and where. */
  readonly #history = new Map<string, { position: number; thing: Things[Kind] }[]>();
  readonly #byIdentity = new Map<string, Recorded>();
  readonly #byCommand = new Map<string, Recorded>();
  #group: RecordedEvent[] = [];

  /** @param sent by the command's id */
  constructor(sent: ReadonlyMap<string, Sent>) {
    this.#sent = sent;
  }

  apply(event: RecordedEvent): void {
    this.met[event.name] = (this.met[event.name] ?? 0) + 1;
    const [before] = this.#group;
    if (before && commandOf(before) !== commandOf(event)) this.#tellGroup();
    this.#group.push(event);
  }

  /** The log ends here: all that is held is held for something, and money is conserved. */
  end(): void {
    this.#tellGroup();
    const sums = new Map<string, number>();
    const held = new Map<string, number>();
    const hold = (id: string, amount: number) => held.set(id, (held.get(id) ?? 0) + amount);
    for (const [key, states] of this.#history) {
      const thing = states.at(-1)?.thing;
      if (!thing) continue;
      if ('posted' in thing) {
        sums.set(thing.currency, (sums.get(thing.currency) ?? 0) + thing.posted);
        hold(key.slice('account '.length), -thing.held);
      } else if ('captured' in thing) {
        if (thing.status === 'active') hold(thing.account, thing.amount);
      } else if (isWaiting(thing) && thing.reserves) {
        hold(thing.moves[0]?.[0] ?? '', -(thing.moves[0]?.[1] ?? 0));
      }
    }
    for (const [currency, sum] of sums) this.#check(sum === 0, `${currency} sums to ${sum}`);
    for (const [id, open] of held) this.#check(open === 0, `${id} should have ${open} more held`);
  }

  /** What an answer said must be what the log has; or, if it has nothing, what may have been so when it was asked. */
  checkResponse(sent: Sent, outcome: Outcome): void {
    const { request, after, before } = sent;
    const text = textOf(outcome);
    const what = `the answer to ${JSON.stringify(request)}: ${JSON.stringify(outcome)}`;
    const identity = identityOf(request);
    const known = identity === undefined ? undefined : this.#byIdentity.get(identity);
    const own = this.#byCommand.get(request.command_id) ?? (same(known, request) ? known : undefined);
    if (text === 'error idempotency_key_reused') {
      return this.#check(known !== undefined && !same(known, request), what);
    }
    if (own && outcome.type !== 'error') {
      this.#check(
        text === own.response && outcome.position === own.position,
        `${what}, not ${JSON.stringify(own)}`,
      );
      return;
    }
    // It left no trace: then nothing that its key stands for was there yet.
    const then = { request, after, before: Math.min(before, (known?.first ?? Infinity) - 1) };
    const published = new Set<string>();
    for (const { response, lines } of this.#possible(then)) {
      if (response === text && lines.length === 0) return;
      published.add(response);
    }
    this.faults.push(`${what}, not ${[...published].join(' or ')}`);
  }

  #tellGroup(): void {
    const events = this.#group;
    this.#group = [];
    const [first] = events;
    if (!first) return;
    const sent = this.#sent.get(commandOf(first));
    if (!sent) return void this.faults.push(`nobody asked for ${first.id}`);
    const published = events.filter(({ name }) => name !== 'CommandRecorded');
    const receipt = events.find((event) => event.name === 'CommandRecorded');
    const story = published.map(tellEvent).join('\n');
    const then = { ...sent, before: first.position - 1 };
    const fits = ({ lines, response }: Wanted) =>
      lines.map(tell).join('\n') === story && (!receipt || response === textOfReceipt(receipt));
    const found = firstOf(this.#possible(then, published), fits);
    if (!found) {
      const [due] = this.#possible(then, published);
      const instead = [...(due?.lines.map(tell) ?? []), due?.response].join('\n');
      const what = `${JSON.stringify(sent.request)} at ${first.position} came to\n${story}`;
      const text = receipt ? textOfReceipt(receipt) : '';
      this.faults.push(`${what}\n${text}\nnot to\n${instead}`);
      return;
    }
    this.#remember(sent.request, { events, response: found.response });
    for (const [index, { kind, id, after }] of found.lines.entries()) {
      const position = published[index]?.position ?? 0;
      const states = this.#history.get(`${kind} ${id}`) ?? [];
      this.#history.set(`${kind} ${id}`, [...states, { position, thing: after }]);
    }
  }

  #remember(
    request: CommandRequest,
    { events, response }: { events: readonly RecordedEvent[]; response: string },
  ): void {
    const [first] = events;
    if (!first) return;
    const recorded: Recorded = {
      fingerprint: request.fingerprint,
      response,
      first: first.position,
      position: positionOf(request, events),
    };
    this.#byCommand.set(request.command_id, recorded);
    const identity = identityOf(request);
    if (identity === undefined) return;
    this.#check(!this.#byIdentity.has(identity), `${identity} is in the log twice`);
    this.#byIdentity.set(identity, recorded);
  }

  /**
   * What a command may come to. What it changes is guarded: it is as it was just before. Everything else counts as it
   * was at some moment between the asking and then.
   */
  *#possible(
    { request, after, before }: Sent,
    published: readonly RecordedEvent[] = [],
  ): Generator<Wanted, undefined> {
    const changed = new Set(published.map(({ aggregate, aggregateId }) => `${aggregate} ${aggregateId}`));
    const choices = new Map<string, number>();
    // Like an odometer: each thing that is looked at adds a wheel.
    for (let turns = 0; turns < 50_000; turns += 1) {
      const wheels: { key: string; at: number; size: number }[] = [];
      const look: Look = (kind, id) => {
        const key = `${kind} ${id}`;
        const seen = wheels.find((wheel) => wheel.key === key);
        const states = this.#statesOf(kind, id, { after: changed.has(key) ? before : after, before });
        const at = seen?.at ?? choices.get(key) ?? 0;
        if (!seen) wheels.push({ key, at, size: states.length });
        return states[at] as never;
      };
      const seen = changeAndPost(request, look);
      if (seen) yield seen;
      let turned = false;
      for (const wheel of wheels.toReversed()) {
        if (wheel.at + 1 < wheel.size) {
          choices.set(wheel.key, wheel.at + 1);
          turned = true;
          break;
        }
        choices.delete(wheel.key);
      }
      if (!turned) return undefined;
    }
    throw new Error(`Too many ways to see ${JSON.stringify(request)}`);
  }

  /** How a thing was at a position, and after it up to another one; the latest first. */
  #statesOf(kind: Kind, id: string, { after, before }: { after: number; before: number }) {
    const beginning = kind === 'account' ? untouched(id) : undefined;
    const states: (Things[Kind] | undefined)[] = [beginning];
    for (const { position, thing } of this.#history.get(`${kind} ${id}`) ?? []) {
      if (position > before) break;
      if (position <= after) states.length = 0;
      states.push(thing);
    }
    return states.toReversed();
  }

  #check(holds: boolean, what: string): void {
    if (!holds) this.faults.push(what);
  }
}

/** Undefined if things never looked like that. */
function changeAndPost(request: CommandRequest, look: Look): Wanted | undefined {
  try {
    return wanted(request, look);
  } catch (error) {
    if (error instanceof Impossible) return undefined;
    throw error;
  }
}

function firstOf(all: Iterable<Wanted>, fits: (one: Wanted) => boolean): Wanted | undefined {
  for (const one of all) if (fits(one)) return one;
  return undefined;
}

function commandOf({ id }: RecordedEvent): string {
  return id.slice(0, id.lastIndexOf('-'));
}

/** What a command is known by; not given if it may be asked for again without harm. */
function identityOf(request: CommandRequest): string | undefined {
  const { type, id, idempotency_key: key } = request;
  if (type === 'transfer' || type === 'transaction' || type === 'reversal') return `transfer ${id}`;
  return key === undefined ? undefined : `key ${key}`;
}

function same(known: Recorded | undefined, { fingerprint }: CommandRequest): boolean {
  return known?.fingerprint === fingerprint;
}

/** Where the answer to a command stands: with the transfer that it makes, with its receipt, or just before that. */
function positionOf({ type, id }: CommandRequest, events: readonly RecordedEvent[]): number {
  const last = events.at(-1)?.position ?? 0;
  const own = events.find(({ aggregate, aggregateId }) => aggregate === 'transfer' && aggregateId === id);
  if (type === 'transfer' || type === 'transaction' || type === 'reversal') return own?.position ?? 0;
  const receipt = events.find((event) => event.name === 'CommandRecorded');
  if (!receipt || receipt.data.account) return last;
  const { transfer, hold } = receipt.data;
  if (!transfer && !hold) return last;
  return (transfer ?? hold)?.position ?? last - 1;
}

function textOf(outcome: Outcome): string {
  switch (outcome.type) {
    case 'error':
    case 'rejected':
      return `${outcome.type} ${outcome.rejection.code}`;
    case 'account':
      return tellResult({ account: { id: outcome.id, ...outcome.state } });
    case 'transfer':
    case 'hold':
      return tellResult(outcome);
  }
}

type Shown = Partial<Omit<EventData<'CommandRecorded'>, 'created'>>;

function tellResult({ account, transfer, hold, rejection }: Shown): string {
  if (account) return `account ${account.id} ${tellState(account, account.version)}`;
  if (hold)
    return `hold ${hold.id} ${tellHold({ ...hold, captured: Number(hold.captured), expires: hold.expires_at })}`;
  const why = rejection ? ` because ${rejection.code}` : '';
  if (transfer) return `transfer ${transfer.id} ${transfer.status}, ${transfer.reversed ?? 0} undone${why}`;
  return `rejected ${rejection?.code}`;
}

const textOfReceipt = ({ data }: RecordedEvent<'CommandRecorded'>) => tellResult(data);

function tellState(
  {
    status,
    balances,
    overdraft_limit,
  }: Pick<EventData<'AccountUpdated'>, 'status' | 'balances' | 'overdraft_limit'>,
  version: number,
): string {
  const [posted, held, limit] = [balances.posted, balances.held, overdraft_limit].map(Number);
  return tellAccount({ status, posted: posted ?? 0, held: held ?? 0, limit: limit ?? 0, version });
}

/** An event as the rules would tell it. */
function tellEvent(event: RecordedEvent): string {
  const { aggregate, aggregateId: id, name, data, version } = event;
  const what = `${aggregate} ${id} ${name}`;
  if ('balances' in data) return `${what}: ${tellState(data, version)}`;
  if (aggregate === 'hold') {
    const { captured = 0, expires_at: expires } = data as { captured?: string; expires_at?: string };
    return `${what}: ${tellHold({ status: STATUS[name] ?? '', captured: Number(captured), expires })}`;
  }
  const { status, reversed = '0', reason, detail } = data as object as Record<string, string | undefined>;
  const why = detail === undefined ? '' : ` because ${reason}`;
  return `${what}${why}: ${status ?? STATUS[name]}, ${reversed} undone`;
}

const STATUS: Partial<Record<EventName, string>> = {
  TransferCompleted: 'posted',
  TransferReversed: 'posted',
  TransferParked: 'pending',
  TransferRejected: 'rejected',
  TransferCancelled: 'cancelled',
  TransferExpired: 'expired',
  TransferFailed: 'failed',
  HoldPlaced: 'active',
  HoldExtended: 'active',
  HoldCaptured: 'captured',
  HoldVoided: 'voided',
  HoldExpired: 'expired',
};
