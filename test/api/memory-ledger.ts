/** A ledger in memory: it decides with the domain's rules, and remembers what it answered as the log does. */
import type { CommandOutcome, Commands } from '../../api/commands.ts';
import { toCommand, makesTransfer, type Answer, type CommandRequest } from '../../contracts/commands.ts';
import {
  accountStateData,
  completionOf,
  holdEventData,
  transferEventData,
  type HoldFact,
  type TransferFact,
} from '../../contracts/event-data.ts';
import type { AccountResource, HoldResource, TransferResource } from '../../contracts/http.ts';
import { holdFrom, transferFrom } from '../../contracts/resources.ts';
import { workflowIdOf } from '../../contracts/workflow-ids.ts';
import { account as accounts, type AccountState } from '../../domain/account.ts';
import { hold as holds, type HoldState } from '../../domain/hold.ts';
import { decide, type LedgerEvent } from '../../domain/ledger.ts';
import { isOutcome, type Rejection } from '../../domain/rejections.ts';
import { transfer as transfers, type TransferState } from '../../domain/transfer.ts';
import { identityOf } from '../../eventlog/identity.ts';
import { account, NOW, readStore, testApp } from './fixtures.ts';

type Remembered = { readonly fingerprint: string; readonly outcome: CommandOutcome };

class MemoryLedger implements Commands {
  /** What the read model shows. */
  readonly accounts: AccountResource[] = [];
  readonly transfers: TransferResource[] = [];
  readonly holds: HoldResource[] = [];
  position = 0;
  readonly #accounts = new Map<string, AccountState>();
  readonly #versions = new Map<string, number>();
  readonly #transfers = new Map<string, { state: TransferState; last: TransferFact }>();
  readonly #holds = new Map<string, HoldState>();
  readonly #remembered = new Map<string, Remembered>();
  readonly #view = {
    account: (id: string) => this.#accounts.get(id) ?? accounts.initialState(id),
    version: (id: string) => this.#versions.get(id) ?? 0,
    transfer: (id: string) => this.#transfers.get(id)?.state ?? transfers.initialState(id),
    hold: (id: string) => this.#holds.get(id) ?? holds.initialState(id),
  };

  /** @param wait asked for by the interface; everything is done at once here */
  carryOut(request: CommandRequest, { wait }: { wait: boolean }): Promise<CommandOutcome> {
    const outcome = this.#carryOut(request);
    return Promise.resolve(
      wait || outcome.type !== 'answered' ? outcome : { type: 'accepted', workflowId: workflowIdOf(request) },
    );
  }

  find({ type, id }: Parameters<Commands['find']>[0]): ReturnType<Commands['find']> {
    const answer = this.#answerAbout(type, id);
    return Promise.resolve(answer[type] ? { type: 'answered', answer } : undefined);
  }

  #carryOut(request: CommandRequest): CommandOutcome {
    const identity = identityOf(request);
    const name = `${identity?.aggregate} ${identity?.id}`;
    const known = identity && this.#remembered.get(name);
    if (known) return again(known, request.fingerprint);
    const { events, rejection } = decide(toCommand(request), this.#view);
    const traceless = request.type.startsWith('account.') || (rejection && !isOutcome(rejection));
    if (rejection && traceless) return { type: 'refused', rejection };
    for (const event of events) this.#append(request, event);
    const outcome = this.#outcome(request, rejection);
    if (identity) this.#remembered.set(name, { fingerprint: request.fingerprint, outcome });
    return outcome;
  }

  #outcome(request: CommandRequest, rejection: Rejection | undefined): CommandOutcome {
    const kind = request.type.split('.')[0];
    const type = kind === 'account' || kind === 'hold' ? kind : 'transfer';
    const created = makesTransfer(request) || request.type === 'hold.place';
    const about = type === 'hold' && rejection ? {} : this.#answerAbout(type, request.id);
    const why = rejection ? { rejection } : {};
    const answer = { position: this.position, replayed: false, ...about, created, ...why };
    return { type: 'answered', answer, replayed: false };
  }

  #answerAbout(type: 'account' | 'transfer' | 'hold', id: string): Answer {
    const all: { id: string }[] = this[`${type}s`];
    const found = all.find((one) => one.id === id);
    return {
      position: this.position,
      replayed: false,
      created: false,
      ...(found ? { [type]: structuredClone(found) } : {}),
    };
  }

  #append(request: CommandRequest, { aggregate, id, event }: LedgerEvent): void {
    this.position += 1;
    const fact = { aggregateId: id, time: NOW.toISOString(), workflowId: workflowIdOf(request) };
    switch (aggregate) {
      case 'account': {
        const state = accounts.evolve(this.#view.account(id), event);
        if (state.status === 'none') throw new Error(`${id} does not exist after ${event.type}`);
        const version = this.#view.version(id) + 1;
        this.#accounts.set(id, state);
        this.#versions.set(id, version);
        keep(this.accounts, account({ id, version, ...accountStateData(state) }));
        return;
      }
      case 'transfer': {
        const before = this.#transfers.get(id)?.last;
        const data = transferEventData(event, () => completionOf(before!));
        const last = { ...fact, name: event.type, data } as TransferFact;
        this.#transfers.set(id, { state: transfers.evolve(this.#view.transfer(id), event), last });
        keep(this.transfers, transferFrom({ ...last, position: this.position }));
        return;
      }
      case 'hold': {
        this.#holds.set(id, holds.evolve(this.#view.hold(id), event));
        const last = { ...fact, name: event.type, data: holdEventData(event) } as HoldFact;
        keep(this.holds, holdFrom({ ...last, position: this.position }));
        return;
      }
    }
  }
}

function again({ fingerprint, outcome }: Remembered, asked: string): CommandOutcome {
  if (asked !== fingerprint) {
    return { type: 'refused', rejection: { code: 'idempotency_key_reused', detail: 'Another request.' } };
  }
  return outcome.type === 'answered' ? { ...outcome, replayed: true } : outcome;
}

function keep<Resource extends { id: string }>(all: Resource[], resource: Resource): void {
  const index = all.findIndex(({ id }) => id === resource.id);
  if (index === -1) all.push(resource);
  else all[index] = resource;
}

const METAS = { requested_at: NOW.toISOString(), actor: 'test', fingerprint: 'test' };

/**
 * An app over such a ledger, where alice has 1,000 and bob nothing.
 * @param shown false if the read model shows nothing yet
 */
export async function ledgerApp({ shown = true } = {}) {
  const ledger = new MemoryLedger();
  let asked = 0;
  /** Something that the app has no part in: another client, or a timer. */
  const carryOut = (request: Record<string, unknown>) => {
    asked += 1;
    const meta = { ...METAS, command_id: `test-${asked}` };
    return ledger.carryOut({ ...meta, ...request } as CommandRequest, { wait: true });
  };
  for (const id of ['alice', 'bob', 'carol']) {
    await carryOut({ type: 'account.create', id, owner: id, currency: 'EUR', overdraft_limit: '0' });
  }
  const deposit = { kind: 'deposit', source: 'world_EUR', destination: 'alice', currency: 'EUR' };
  await carryOut({ type: 'transfer', id: 'tr_opening', ...deposit, amount: '1000' });
  const { app } = testApp({ commands: ledger, readStore: shown ? readStore(ledger) : readStore({}) });
  const balances = (id: string) => ledger.accounts.find((one) => one.id === id)?.balances;
  return { app, ledger, carryOut, balances };
}
