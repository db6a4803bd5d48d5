/**
 * The rules of the ledger as a child would write them down: for a command, what happens, one thing after the other, or
 * why it does not. No deciders, no batches.
 */
import type {
  DecisionRequest,
  CommandRequest,
  HoldRequest,
  ResolveRequest,
  TransferStepRequest,
} from '../../../messages/commands.ts';
import {
  available,
  between,
  violationOf,
  inTheWay,
  isWaiting,
  planOf,
  tellAccount,
  tellHold,
  totalOf,
  undoing,
  type Account,
  type Hold,
  type Kind,
  type Line,
  type Look,
  type Move,
  type Plan,
  type Things,
  type Transfer,
} from './reference-things.ts';

export type Wanted = { readonly lines: readonly Line[]; readonly response: string };

/** The first that applies is given. */
const ORDER = [
  'account_not_found',
  'already_reversed',
  'same_account',
  'entries_unbalanced',
  'currency_mismatch',
  'amount_exceeds_hold',
  'amount_exceeds_transfer',
  'account_closed',
  'account_frozen',
  'insufficient_funds',
];
const first = (codes: readonly string[]) => ORDER.find((code) => codes.includes(code));

/** Things look as they never were at one time. */
export class Impossible extends Error {}

/** What a command comes to when things are as they look. */
export function wanted(request: CommandRequest, look: Look): Wanted {
  const story = new Story(look);
  const answer = story.tell(request);
  return { lines: story.lines, response: answer };
}

class Story {
  lines: Line[] = [];
  readonly #look: Look;

  constructor(look: Look) {
    this.#look = look;
  }

  tell(request: CommandRequest): string {
    switch (request.type) {
      case 'transfer':
      case 'transaction':
        return this.#transfer(request.id, planOf(request));
      case 'reversal':
        return this.#reversal(request);
      case 'hold.place':
        return this.#place(request);
      case 'hold.capture':
      case 'hold.void':
      case 'hold.extend':
      case 'hold.expire':
        return this.#hold(request);
      case 'account.create':
      case 'account.update':
      case 'account.freeze':
      case 'account.unfreeze':
      case 'account.close':
        return this.#account(request);
      case 'transfer.approve':
      case 'transfer.reject':
      case 'transfer.cancel':
        return this.#decided(request);
      case 'transfer.complete':
      case 'transfer.expire':
      case 'transfer.fail':
      case 'transfer.park':
      case 'transfer.resolve':
        return this.#step(request);
      case 'transfer.railReported':
        throw new Error('No rail answers in this model');
    }
  }

  #get<K extends Kind>(kind: K, id: string): Things[K] | undefined {
    const last = this.lines.findLast((line) => line.kind === kind && line.id === id);
    return (last?.after as Things[K] | undefined) ?? this.#look(kind, id);
  }

  #alter(id: string, name: string, change: Partial<Account>): void {
    const before = this.#get('account', id);
    if (!before) throw new Impossible(`${id} is not there, but has money held`);
    const after = { ...before, ...change, version: before.version + 1 };
    this.lines.push({ kind: 'account', id, name, after });
  }

  /** Moves money, all of it or none. Gives what is in the way. */
  #move(moves: readonly Move[]): string | undefined {
    const before = this.lines;
    this.lines = [...before];
    const codes: string[] = [];
    for (const move of moves) {
      const [id, amount] = move;
      const at = this.#get('account', id);
      const code = inTheWay(at, move);
      if (code !== undefined || !at) codes.push(code ?? '');
      else this.#alter(id, amount < 0 ? 'MoneyWithdrawn' : 'MoneyDeposited', { posted: at.posted + amount });
    }
    if (codes.length > 0) this.lines = before;
    return first(codes);
  }

  /** What would be in the way of moving money. */
  #obstacle(moves: readonly Move[]): string | undefined {
    const before = this.lines;
    const code = this.#move(moves);
    this.lines = before;
    return code;
  }

  #setAside(id: string, amount: number): void {
    const held = (this.#get('account', id)?.held ?? 0) + amount;
    this.#alter(id, amount > 0 ? 'FundsHeld' : 'FundsReleased', { held });
  }

  /** What a transfer takes is the first of its moves, if it waits. */
  #reserve({ moves: [source], reserves }: Plan, factor: 1 | -1): void {
    if (source && reserves) this.#setAside(source[0], -source[1] * factor);
  }

  #becomes(id: string, name: string, after: Transfer): void {
    this.lines.push({ kind: 'transfer', id, name, after });
  }

  #transfer(id: string, plan: Plan & { waits?: string | undefined }): string {
    const { waits, ...of } = plan;
    const obstacle = this.#obstacle(of.moves);
    // On its day these may be over.
    const mayPass = waits !== undefined && !of.reserves;
    const passes = mayPass && ['account_frozen', 'insufficient_funds'].includes(obstacle ?? '');
    const code = first([passes ? '' : (obstacle ?? ''), violationOf(of)]);
    if (code === 'account_not_found') return `error ${code}`;
    if (code !== undefined) return this.#rejected(id, of, code);
    if (waits === undefined) this.#move(of.moves);
    else this.#reserve(of, 1);
    const status = waits ?? 'posted';
    const name = waits === undefined ? 'TransferCompleted' : 'TransferRequested';
    this.#becomes(id, name, { ...of, status, reversed: 0 });
    return this.#response(id);
  }

  #rejected(id: string, of: Plan, code: string): string {
    this.#becomes(id, `TransferRejected because ${code}`, { ...of, status: 'rejected', reversed: 0 });
    return `${this.#response(id)} because ${code}`;
  }

  #response(id: string): string {
    const of = this.#get('transfer', id);
    return `transfer ${id} ${of?.status}, ${of?.reversed} undone`;
  }

  #reversal(request: Extract<CommandRequest, { type: 'reversal' }>): string {
    const { id, reverses } = request;
    const original = this.#get('transfer', reverses);
    if (!original) return 'error transfer_not_found';
    if (original.status !== 'posted') return 'error transfer_not_posted';
    const left = totalOf(original) - original.reversed;
    if (left === 0) return 'error already_reversed';
    const amount = request.amount === undefined ? left : Number(request.amount);
    const of = undoing(original, amount);
    if (amount > left || (!original.two && amount < left)) {
      return this.#rejected(id, of, 'amount_exceeds_transfer');
    }
    const answer = this.#transfer(id, of);
    if (this.#get('transfer', id)?.status === 'posted') {
      this.#becomes(reverses, 'TransferReversed', { ...original, reversed: original.reversed + amount });
    }
    return answer;
  }

  #decided({ id, type }: DecisionRequest): string {
    const of = this.#get('transfer', id);
    if (!of) return 'error transfer_not_found';
    const asked = of.status === 'awaiting_approval';
    switch (type) {
      case 'transfer.approve': {
        if (!asked) return 'error transfer_not_pending';
        const approved = { ...of, status: of.dated ? 'scheduled' : 'pending' };
        this.#becomes(id, 'TransferApproved', approved);
        return of.dated || of.byRail ? this.#response(id) : this.#complete(id, approved);
      }
      case 'transfer.reject':
        return asked ? this.#end(id, of, 'TransferRejected') : 'error transfer_not_pending';
      case 'transfer.cancel': {
        const open = asked || of.status === 'scheduled';
        return open ? this.#end(id, of, 'TransferCancelled') : 'error transfer_not_pending';
      }
    }
  }

  #step(request: TransferStepRequest | ResolveRequest): string {
    const { id } = request;
    const of = this.#get('transfer', id);
    if (!of) return 'error transfer_not_found';
    const asked = of.status === 'awaiting_approval';
    switch (request.type) {
      case 'transfer.complete':
        return isWaiting(of) && !asked ? this.#complete(id, of) : this.#response(id);
      case 'transfer.expire':
        return asked ? this.#end(id, of, 'TransferExpired') : this.#response(id);
      case 'transfer.fail':
        return isWaiting(of) ? this.#fail(id, of, request.code) : this.#response(id);
      case 'transfer.park':
        return this.#park(id, of);
      case 'transfer.resolve':
        if (!of.parked) return 'error transfer_not_pending';
        return request.outcome === 'failed'
          ? this.#fail(id, of, 'resolved_as_failed')
          : this.#complete(id, of, true);
    }
  }

  #park(id: string, of: Transfer): string {
    if (of.status === 'pending' && !of.parked) {
      this.#becomes(id, 'TransferParked', { ...of, parked: true });
    }
    return this.#response(id);
  }

  #complete(id: string, of: Transfer, resolved = false): string {
    const before = this.lines;
    this.lines = [...before];
    this.#reserve(of, -1);
    const code = this.#move(of.moves);
    if (code === undefined) {
      this.#becomes(id, 'TransferCompleted', { ...of, status: 'posted', parked: false });
      return this.#response(id);
    }
    // What has gone out by a rail is not given back.
    if (of.byRail) this.lines = before;
    else this.#becomes(id, `TransferFailed because ${code}`, { ...of, status: 'failed' });
    return of.byRail && !resolved ? this.#park(id, of) : `${this.#response(id)} because ${code}`;
  }

  #fail(id: string, of: Transfer, code: string): string {
    this.#reserve(of, -1);
    this.#becomes(id, `TransferFailed because ${code}`, { ...of, status: 'failed' });
    return this.#response(id);
  }

  #end(id: string, of: Transfer, name: string): string {
    this.#reserve(of, -1);
    this.#becomes(id, name, { ...of, status: name.slice('Transfer'.length).toLowerCase() });
    return this.#response(id);
  }

  #place(request: Extract<HoldRequest, { type: 'hold.place' }>): string {
    const { id, account, currency, destination } = request;
    const amount = Number(request.amount);
    const codes = [this.#obstacle([[account, -amount, currency]]) ?? ''];
    if (destination !== undefined) codes.push(this.#obstacle([[destination, amount, currency]]) ?? '');
    if (destination === account) codes.push('same_account');
    const code = first(codes);
    if (code !== undefined) return `${code === 'account_not_found' ? 'error' : 'rejected'} ${code}`;
    this.#setAside(account, amount);
    const of = { account, amount, currency, destination: destination ?? `world_${currency}` };
    const after = { ...of, status: 'active', expires: request.expires_at, captured: 0 };
    this.lines.push({ kind: 'hold', id, name: 'HoldPlaced', after });
    return `hold ${id} ${tellHold(after)}`;
  }

  #hold(request: Exclude<HoldRequest, { type: 'hold.place' }>): string {
    const { id } = request;
    const of = this.#get('hold', id);
    if (!of) return 'error hold_not_found';
    const active = of.status === 'active';
    const becomes = (name: string, change: Partial<Hold>) => {
      const after = { ...of, ...change };
      this.lines.push({ kind: 'hold', id, name, after });
      return `hold ${id} ${tellHold(after)}`;
    };
    const asItIs = `hold ${id} ${tellHold(of)}`;
    if (!active) return request.type === 'hold.expire' ? asItIs : 'error hold_not_active';
    switch (request.type) {
      case 'hold.expire':
        if (of.expires !== request.expires_at) return asItIs;
        this.#setAside(of.account, -of.amount);
        return becomes('HoldExpired', { status: 'expired' });
      case 'hold.void':
        this.#setAside(of.account, -of.amount);
        return becomes('HoldVoided', { status: 'voided' });
      case 'hold.extend':
        if (of.expires !== undefined && request.expires_at <= of.expires) return asItIs;
        return becomes('HoldExtended', { expires: request.expires_at });
      case 'hold.capture': {
        const captured = Number(request.amount ?? of.amount);
        if (captured > of.amount) return 'rejected amount_exceeds_hold';
        const code = this.#capture(of, { request, captured });
        if (code !== undefined) return `${code === 'account_not_found' ? 'error' : 'rejected'} ${code}`;
        return becomes('HoldCaptured', { status: 'captured', captured });
      }
    }
  }

  #capture(
    of: Hold,
    { request, captured }: { request: Extract<HoldRequest, { type: 'hold.capture' }>; captured: number },
  ): string | undefined {
    const destination = request.destination ?? of.destination;
    const plan = between([of.account, destination], captured, of.currency);
    const before = this.lines;
    this.lines = [...before];
    this.#setAside(of.account, -of.amount);
    const code = first([this.#move(plan.moves) ?? '', violationOf(plan)]);
    if (code === undefined) {
      this.#becomes(request.transfer, 'TransferCompleted', { ...plan, status: 'posted', reversed: 0 });
    } else this.lines = before;
    return code;
  }

  #account(request: Extract<CommandRequest, { type: `account.${string}` }>): string {
    const { id } = request;
    const at = this.#get('account', id);
    if (request.type === 'account.create') {
      if (at) return 'error account_exists';
      const after = { status: 'open', posted: 0, held: 0, version: 1, currency: request.currency };
      const limit = Number(request.overdraft_limit);
      this.lines.push({ kind: 'account', id, name: 'AccountCreated', after: { ...after, limit } });
    } else {
      if (!at) return 'error account_not_found';
      const code = this.#change(request, at);
      if (code !== undefined) return `error ${code}`;
    }
    const after = this.#get('account', id);
    return after ? `account ${id} ${tellAccount(after)}` : '';
  }

  #change(
    request: Exclude<Extract<CommandRequest, { type: `account.${string}` }>, { type: 'account.create' }>,
    at: Account,
  ): string | undefined {
    const { id, type } = request;
    const closed = at.status === 'closed';
    if (type === 'account.update') {
      const limit = Number(request.overdraft_limit);
      if (request.if_version !== undefined && request.if_version !== at.version) return 'version_mismatch';
      if (closed) return 'account_closed';
      if (available({ ...at, limit }) < 0) return 'insufficient_funds';
      if (limit !== at.limit) this.#alter(id, 'AccountUpdated', { limit });
      return undefined;
    }
    if (type === 'account.close') {
      if (closed) return undefined;
      if (at.posted !== 0 || at.held !== 0) return 'account_not_empty';
      this.#alter(id, 'AccountClosed', { status: 'closed' });
      return undefined;
    }
    if (closed) return 'account_closed';
    const [name, status] =
      type === 'account.freeze' ? ['AccountFrozen', 'frozen'] : ['AccountUnfrozen', 'open'];
    if (at.status !== status) this.#alter(id, name, { status });
    return undefined;
  }
}
