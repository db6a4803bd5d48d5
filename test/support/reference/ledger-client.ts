/** A client of a ledger that does this and that, now and then hangs up, and writes down what it was told, and when. */
import fc from 'fast-check';
import { idempotencyKey } from '../../../api/commands/idempotency.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import { changeAccount, changeHold, moveMoney, placeHold } from '../ledgers/test-ledger.ts';
import { tellBalances, type LedgerOperation } from './ledger-history.ts';

/** What clients share: the accounts, the holds that anybody has placed, and what all of them were told. */
export type World = {
  readonly accounts: readonly string[];
  readonly holds: string[];
  readonly history: LedgerOperation[];
};

const of = fc.nat(2);
const amount = fc.integer({ min: 1, max: 12 });

/** What a client does next; a number stands for an account or a hold. */
export const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ does: fc.constant('pay'), of, to: of, amount, lost: fc.nat(15) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom('deposit', 'withdraw'), of, amount }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('hold'), of, amount }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('capture', 'void'), of: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constantFrom('freeze', 'unfreeze', 'unfreeze'), of }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('read', 'read what it knows'), of }) },
);

type Step = {
  readonly does: string;
  readonly of: number;
  readonly to?: number;
  readonly amount?: number;
  /** 0: it does not wait for the answer. */
  readonly lost?: number;
};

type Command = { readonly path: string; readonly body: object; readonly request: CommandRequest };

let keys = 0;

export class LedgerClient {
  /** The latest position that it was told. */
  seen = 0;
  readonly #url: string;
  readonly #world: World;
  /** Operations that reads with this position must show. */
  readonly #known: number[] = [];

  constructor(url: string, world: World) {
    this.#url = url;
    this.#world = world;
  }

  async follow(steps: readonly Step[]): Promise<void> {
    for (const next of steps) {
      if (next.does.startsWith('read')) await this.#read(this.#account(next.of), next.does !== 'read');
      else await this.#command(next);
    }
  }

  /** Reads every account at a position or later, when nothing is under way any more. */
  async readAll(position: number): Promise<void> {
    this.seen = position;
    for (const account of this.#world.accounts) await this.#read(account, true, performance.now());
  }

  #account(number: number): string {
    return this.#world.accounts[number] ?? '';
  }

  /**
   * A plain read shows the account as it was at some time. One that asks for what its client knows shows nothing older
   * than that; what others have done meanwhile it may not show yet.
   */
  async #read(account: string, known: boolean, from = -Infinity): Promise<void> {
    const query = known && this.seen > 0 ? `?min_position=${this.seen}` : '';
    const after = query === '' ? [] : [...this.#known];
    const reply = await fetch(`${this.#url}/v1/accounts/${account}/balances${query}`);
    const body = (await reply.json()) as Record<string, string> & { position: number };
    if (reply.status !== 200)
      throw new Error(`The read was answered ${reply.status}: ${JSON.stringify(body)}`);
    const [posted, held, available] = [
      Number(body['posted']),
      Number(body['held']),
      Number(body['available']),
    ];
    const answer = tellBalances({ posted, held, limit: available - posted + held });
    const call = { type: 'read' as const, account };
    this.#knows(this.#write({ call, response: answer, from, to: performance.now(), after }), body.position);
  }

  async #command(next: Step): Promise<void> {
    const key = `history ${(keys += 1)}`;
    const { path, body, request } = this.#commandOf(next, key) ?? {};
    if (path === undefined || request === undefined) return;
    const from = performance.now();
    // It is written down before it is known how it ends, since nobody may ever know.
    const call = { type: 'command' as const, request };
    const number = this.#write({ call, response: undefined, from, to: Infinity });
    try {
      const reply = await fetch(`${this.#url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
        ...(next.lost === 0 ? { signal: AbortSignal.timeout(2) } : {}),
      });
      const { code = 'done' } = (await reply.json()) as { code?: string };
      if (reply.status >= 500) return;
      this.#world.history[number] = { call, response: code, from, to: performance.now() };
      // What was turned away left nothing to see.
      const recorded = reply.status < 300 || reply.status === 422;
      if (recorded) this.#knows(number, Number(reply.headers.get('ledger-position')));
    } catch (error) {
      if (!(error instanceof Error && error.name === 'TimeoutError')) throw error;
    }
  }

  #write(operation: LedgerOperation): number {
    return this.#world.history.push(operation) - 1;
  }

  #knows(number: number, position: number): void {
    this.seen = Math.max(this.seen, position);
    this.#known.push(number);
  }

  #commandOf({ does, of: number, to = 0, amount: units = 0 }: Step, key: string): Command | undefined {
    const { holds } = this.#world;
    const { transferId, captureId, holdId } = idempotencyKey(key);
    const account = this.#account(number);
    const money = { amount: `${units}`, currency: 'EUR' };
    const outside = 'world_EUR';
    const moved = (source: string, destination: string) =>
      moveMoney(transferId, { source, destination, amount: money.amount });
    switch (does) {
      case 'pay': {
        const destination = this.#account(to);
        const body = { source: account, destination, ...money };
        return { path: '/v1/transfers', body, request: moved(account, destination) };
      }
      case 'deposit':
        return { path: '/v1/deposits', body: { account, ...money }, request: moved(outside, account) };
      case 'withdraw':
        return { path: '/v1/withdrawals', body: { account, ...money }, request: moved(account, outside) };
      case 'hold': {
        holds.push(holdId);
        const body = { account, ...money };
        return { path: '/v1/holds', body, request: placeHold(holdId, { account, amount: money.amount }) };
      }
      case 'capture':
      case 'void': {
        const hold = holds[number % Math.max(1, holds.length)];
        if (hold === undefined) return undefined;
        const change =
          does === 'void'
            ? ({ type: 'hold.void' } as const)
            : ({ type: 'hold.capture', transfer: captureId } as const);
        return { path: `/v1/holds/${hold}/${does}`, body: {}, request: changeHold(hold, change) };
      }
      default: {
        const type = does === 'freeze' ? 'account.freeze' : 'account.unfreeze';
        return {
          path: `/v1/accounts/${account}/${does}`,
          body: {},
          request: changeAccount(account, { type }),
        };
      }
    }
  }
}
