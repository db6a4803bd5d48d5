/** Events as the log would hold them: decided by the domain itself, so their balances and versions are right. */
import {
  EVENT_SUBJECTS,
  eventType,
  type EventData,
  type EventName,
  type RecordedEvent,
  type TransferRecord,
} from '../../../contracts/events.ts';
import { eventSubject } from '../../../contracts/subjects.ts';
import { account, worldAccount, type AccountCommand, type AccountState } from '../../../domain/account.ts';
import { assert } from '../../../domain/assert.ts';
import { hold, type HoldState } from '../../../domain/hold.ts';
import { decide, type Command, type LedgerEvent, type LedgerView } from '../../../domain/ledger.ts';
import { transfer, type MovementTerms, type TransferState } from '../../../domain/transfer.ts';
import {
  accountEventData,
  accountStateData,
  completionOf,
  holdEventData,
  transferEventData,
} from '../../../messages/mapping/event-data.ts';

type Opening = Partial<Omit<Extract<AccountCommand, { type: 'create' }>, 'type'>>;
type Terms = Partial<MovementTerms> & { readonly id?: string };

/** Everything returned is one atomic batch. */
export type TestLog = {
  /** Every event so far, in order. */
  readonly events: readonly RecordedEvent[];
  readonly open: (id: string, opening?: Opening) => RecordedEvent[];
  readonly setStatus: (id: string, type: 'freeze' | 'unfreeze' | 'close') => RecordedEvent[];
  readonly deposit: (to: string, amount: bigint, terms?: Terms) => RecordedEvent[];
  readonly withdraw: (from: string, amount: bigint, terms?: Terms) => RecordedEvent[];
  /** A transfer that the accounts refuse is recorded as rejected. */
  readonly move: (between: readonly [string, string], amount: bigint, terms?: Terms) => RecordedEvent[];
  /** What any command brings about; nothing if it is refused without a trace, or changes nothing. */
  readonly run: (command: Command) => RecordedEvent[];
  /** The receipt of a keyed command on an account. */
  readonly receipt: (id: string) => RecordedEvent[];
};

type Change = { readonly name: EventName; readonly id: string; readonly data: EventData };

/** An empty log. Its clock starts at 2026-01-01 and goes on by a second with each batch. */
export function createTestLog(): TestLog {
  const events: RecordedEvent[] = [];
  const accounts = new Map<string, AccountState>();
  const transfers = new Map<string, TransferState>();
  const holds = new Map<string, HoldState>();
  const versions = new Map<string, number>();
  let batches = 0;
  const stateOf = (id: string) => accounts.get(id) ?? account.initialState(id);
  const view: LedgerView = {
    account: stateOf,
    version: (id) => versions.get(`account ${id}`) ?? 0,
    transfer: (id) => transfers.get(id) ?? transfer.initialState(id),
    hold: (id) => holds.get(id) ?? hold.initialState(id),
  };
  const now = () => new Date(Date.UTC(2026, 0, 1, 0, 0, batches)).toISOString();

  function evolve({ id, ...happened }: LedgerEvent): Change {
    if (happened.aggregate === 'transfer') {
      transfers.set(id, transfer.evolve(view.transfer(id), happened.event));
      return { name: happened.event.type, id, data: transferEventData(happened.event, () => completion(id)) };
    }
    if (happened.aggregate === 'hold') {
      holds.set(id, hold.evolve(view.hold(id), happened.event));
      return { name: happened.event.type, id, data: holdEventData(happened.event) };
    }
    const after = account.evolve(stateOf(id), happened.event);
    assert(after.status !== 'none', 'an event leaves an account that exists');
    accounts.set(id, after);
    return { name: happened.event.type, id, data: accountEventData(happened.event, after) };
  }

  function completion(id: string) {
    const last = events.findLast(
      ({ aggregate, aggregateId }) => aggregate === 'transfer' && aggregateId === id,
    );
    assert(last !== undefined, `transfer ${id} has events`);
    return completionOf(last as TransferRecord);
  }

  function append(changes: readonly Change[]): RecordedEvent[] {
    const time = now();
    batches += 1;
    const batch = changes.map(({ name, id, data }, index) => {
      const { aggregate, token } = EVENT_SUBJECTS[name];
      const position = events.length + index + 1;
      const version = (versions.get(`${aggregate} ${id}`) ?? 0) + 1;
      versions.set(`${aggregate} ${id}`, version);
      return {
        name,
        data,
        position,
        version,
        time,
        aggregate,
        aggregateId: id,
        subject: eventSubject('test', { aggregate, id }, token),
        id: `event-${position}`,
        source: '/ledgers/test',
        type: eventType(name),
        previousHash: `${version - 1}`.padStart(64, '0'),
        hash: `${version}`.padStart(64, '0'),
        workflowId: `commands/${batches}`,
        actor: 'test',
        batch: { id: `batch-${batches}`, sequence: index + 1, last: index === changes.length - 1 },
      } as RecordedEvent;
    });
    events.push(...batch);
    return batch;
  }

  function run(command: Command): RecordedEvent[] {
    const { events: happened } = decide(command, view);
    return happened.length === 0 ? [] : append(happened.map(evolve));
  }

  /** What a test counts on. */
  function happen(command: Command): RecordedEvent[] {
    const happened = run(command);
    assert(happened.length > 0, `${command.id} brings something about`);
    return happened;
  }

  const move: TestLog['move'] = ([source, destination], amount, { id, ...terms } = {}) => {
    const requestedAt = now();
    const common = { kind: 'transfer', currency: 'EUR', metadata: {}, requestedAt } as const;
    const command: Command = {
      type: 'transfer',
      id: id ?? `transfer-${batches + 1}`,
      terms: { ...common, source, destination, amount, ...terms },
    };
    return happen(command);
  };

  return {
    events,
    run,
    move,
    open: (id, opening = {}) => {
      const defaults = { owner: `owner of ${id}`, currency: 'EUR', overdraftLimit: 0n, metadata: {} };
      return happen({ type: 'account', id, command: { type: 'create', ...defaults, ...opening } });
    },
    setStatus: (id, type) => happen({ type: 'account', id, command: { type } }),
    deposit: (to, amount, terms = {}) => {
      const world = worldAccount(terms.currency ?? 'EUR');
      return move([world, to], amount, { kind: 'deposit', ...terms });
    },
    withdraw: (from, amount, terms = {}) => {
      const world = worldAccount(terms.currency ?? 'EUR');
      return move([from, world], amount, { kind: 'withdrawal', ...terms });
    },
    receipt: (id) => {
      const state = stateOf(id);
      assert(state.status !== 'none', `account ${id} exists`);
      const version = versions.get(`account ${id}`) ?? 0;
      const data = { created: version === 1, account: { id, version, ...accountStateData(state) } };
      return append([{ name: 'CommandRecorded', id: `key-${batches + 1}`, data }]);
    },
  };
}

/** A log that is followed from memory: it gives these arrays, then waits for the signal. */
export function followInMemory(arrays: readonly (readonly RecordedEvent[])[]) {
  return {
    async *follow(after: number, signal: AbortSignal): AsyncGenerator<readonly RecordedEvent[]> {
      for (const array of arrays) {
        if (signal.aborted) return;
        if ((array.at(-1)?.position ?? 0) > after) yield array;
      }
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  };
}
