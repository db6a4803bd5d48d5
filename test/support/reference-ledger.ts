/**
 * A ledger as a child would write it down: maps of numbers, no deciders, no batches. It follows the log event by event
 * and holds each against what it would have done itself.
 */
import type { CommandRequest } from '../../contracts/commands.ts';
import type { RecordedEvent } from '../../contracts/events.ts';
import type { Outcome } from '../../eventlog/outcome.ts';

type Account = { status: string; posted: number; limit: number; version: number };

export class ReferenceLedger {
  /** What it would have done otherwise. */
  readonly faults: string[] = [];
  readonly accounts = new Map<string, Account>([
    ['world_EUR', { status: 'open', posted: 0, limit: Number.POSITIVE_INFINITY, version: 0 }],
  ]);
  readonly transfers = new Map<string, RecordedEvent>();
  readonly #asked: ReadonlyMap<string, number>;
  readonly #history: { position: number; accounts: ReadonlyMap<string, Account> }[] = [];
  /** The legs of the transfer that is being told. */
  #legs: RecordedEvent<'MoneyDeposited' | 'MoneyWithdrawn'>[] = [];

  /** @param asked for each transfer, the log's last position before anybody asked for it */
  constructor(asked: ReadonlyMap<string, number>) {
    this.#asked = asked;
    this.#keep(0);
  }

  apply(event: RecordedEvent): void {
    this.#tell(event);
    this.#keep(event.position);
  }

  #keep(position: number): void {
    const accounts = new Map([...this.accounts].map(([id, state]) => [id, { ...state }]));
    this.#history.push({ position, accounts });
  }

  #tell(event: RecordedEvent): void {
    switch (event.name) {
      case 'AccountCreated':
        this.#check(!this.accounts.has(event.aggregateId), `${event.aggregateId} is created twice`);
        this.accounts.set(event.aggregateId, {
          status: 'open',
          posted: 0,
          limit: Number(event.data.overdraft_limit),
          version: 0,
        });
        return this.#carried(event);
      case 'AccountFrozen':
        return this.#status(event, ['open'], 'frozen');
      case 'AccountUnfrozen':
        return this.#status(event, ['frozen'], 'open');
      case 'AccountClosed':
        this.#check(
          this.#account(event.aggregateId).posted === 0,
          `${event.aggregateId} is closed with money`,
        );
        return this.#status(event, ['open', 'frozen'], 'closed');
      case 'MoneyWithdrawn':
      case 'MoneyDeposited':
        this.#legs.push(event);
        return;
      case 'TransferCompleted': {
        const { from, to, amount } = event.data;
        const accounts = [this.accounts.get(from), this.accounts.get(to)] as const;
        const refused = refusal(accounts, from === to, Number(amount));
        this.#check(refused === undefined, `transfer ${event.aggregateId} should be refused: ${refused}`);
        this.#account(from).posted -= Number(amount);
        this.#account(to).posted += Number(amount);
        const legs = this.#legs.map((leg) => `${leg.name} ${leg.aggregateId} ${leg.data.amount}`);
        const due = [`MoneyWithdrawn ${from} ${amount}`, `MoneyDeposited ${to} ${amount}`];
        this.#check(legs.join() === due.join(), `transfer ${event.aggregateId} has the legs ${legs.join()}`);
        for (const leg of this.#legs.splice(0)) this.#carried(leg);
        return this.#first(event);
      }
      case 'TransferRejected': {
        const { from, to, amount, reason } = event.data;
        // It changes nothing, so nothing holds its accounts still: each counts as it was at some moment between the
        // asking and the storing.
        const asked = this.#asked.get(event.aggregateId) ?? 0;
        const states = this.#history
          .filter(
            ({ position }, index, all) => position >= asked || (all[index + 1]?.position ?? Infinity) > asked,
          )
          .map(({ accounts }) => accounts);
        const possible = states.flatMap((sources) =>
          states.map((destinations) =>
            refusal([sources.get(from), destinations.get(to)], from === to, Number(amount)),
          ),
        );
        this.#check(
          possible.includes(reason),
          `transfer ${event.aggregateId}: ${reason}, not ${[...new Set(possible)].join()}`,
        );
        return this.#first(event);
      }
      case 'CommandAnswered':
        return;
    }
  }

  /** What an answer said must be what the log has. */
  checkAnswer(request: CommandRequest, outcome: Outcome): void {
    const what = `the answer to ${JSON.stringify(request)}: ${JSON.stringify(outcome)}`;
    if (request.type !== 'transfer') {
      return this.#check(outcome.type === 'refused' || this.accounts.has(request.id), what);
    }
    const stored = this.transfers.get(request.id);
    const same = stored?.fingerprint === request.fingerprint;
    if (outcome.type === 'transfer') {
      const { position, name } = outcome.event;
      return this.#check(same && position === stored?.position && name === stored.name, what);
    }
    const code = outcome.type === 'refused' ? outcome.rejection.code : undefined;
    // Nothing is recorded of what was not found; the same command may have been carried out later.
    this.#check(code === 'account_not_found' || (code === 'idempotency_key_reused' && !same), what);
  }

  /** Nothing is half told, and money is conserved. */
  checkEnd(): void {
    this.#check(this.#legs.length === 0, 'a transfer is half told');
    const sum = [...this.accounts.values()].reduce((total, { posted }) => total + posted, 0);
    this.#check(sum === 0, `the sum is ${sum}`);
  }

  #check(holds: boolean, what: string): void {
    if (!holds) this.faults.push(what);
  }

  #account(id: string): Account {
    const account = this.accounts.get(id);
    if (!account) throw new Error(`${id} does not exist`);
    return account;
  }

  #first(event: RecordedEvent): void {
    this.#check(!this.transfers.has(event.aggregateId), `transfer ${event.aggregateId} ends twice`);
    this.transfers.set(event.aggregateId, event);
  }

  #status(event: RecordedEvent, from: string[], to: string): void {
    const account = this.#account(event.aggregateId);
    this.#check(
      from.includes(account.status),
      `${event.aggregateId} is ${account.status} before ${event.name}`,
    );
    account.status = to;
    this.#carried(event);
  }

  /** The event carries the account as it is after it. */
  #carried(event: RecordedEvent): void {
    const account = this.#account(event.aggregateId);
    account.version += 1;
    const { data } = event;
    const carried =
      'balances' in data ? [event.version, data.status, data.balances.posted, data.balances.held] : [];
    const due = [account.version, account.status, account.posted, 0];
    this.#check(
      carried.join() === due.join(),
      `${event.name} at ${event.position} carries ${carried.join()}, not ${due.join()}`,
    );
  }
}

/** The rules, by order of precedence. */
function refusal(
  [source, destination]: readonly [Account | undefined, Account | undefined],
  same: boolean,
  amount: number,
): string | undefined {
  if (!source || !destination) return 'account_not_found';
  if (same) return 'same_account';
  if (source.status === 'closed' || destination.status === 'closed') return 'account_closed';
  if (source.status === 'frozen') return 'account_frozen';
  if (source.posted + source.limit < amount) return 'insufficient_funds';
  return undefined;
}
