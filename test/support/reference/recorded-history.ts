/** A history of several clients on a few accounts of a running ledger, and whether it can be explained. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { seed } from '../fuzz/fuzz-settings.ts';
import { httpClient } from '../http/http.ts';
import { LedgerClient, step, type World } from './ledger-client.ts';
import { ledgerModel, type LedgerOperation } from './ledger-history.ts';
import { explain } from './linearizable.ts';

const CLIENTS = 6;
const STEPS = 25;
const BEGINNING = 20;
/** To explain a history may take longer than a server keeps idle connections: the client must hear that they are gone. */
const LISTEN_MS = 100;

/** Lets clients do as their scripts say, which are the same for the same seed, on accounts of their own. */
export async function recordHistory(urls: readonly string[], round: number): Promise<World> {
  await sleep(LISTEN_MS);
  const world = await beginning(urls[0] ?? '', round);
  const script = fc.array(step, { minLength: STEPS, maxLength: STEPS, size: 'max' });
  const scripts = fc.sample(script, { numRuns: CLIENTS, seed: seed + round });
  const clients = scripts.map((_, number) => new LedgerClient(urls[number % urls.length] ?? '', world));
  await Promise.all(clients.map((client, number) => client.follow(scripts[number] ?? [])));
  // Whoever asks when all is quiet, and has seen the end, sees it.
  await clients[0]?.readAll(Math.max(...clients.map(({ seen }) => seen)));
  return world;
}

/** Accounts that the read model shows: a plain read, which nothing is promised of, shows nothing from before. */
async function beginning(url: string, round: number): Promise<World> {
  const http = httpClient(url);
  const accounts = ['ann', 'ben', 'cam'].map((name) => `${name}-${round}`);
  for (const id of accounts) {
    await http.post('/v1/accounts', { id, owner: id, currency: 'EUR' });
    const deposit = { account: id, amount: `${BEGINNING}`, currency: 'EUR' };
    const position = (await http.post('/v1/deposits', deposit)).headers.get('ledger-position');
    const shown = await http.get(`/v1/accounts/${id}/balances?min_position=${position}`);
    if (shown.body.posted !== deposit.amount) throw new Error(`${id} does not begin with ${BEGINNING}`);
  }
  return { accounts, holds: [], history: [] };
}

/** Undefined if the reference model's rules explain it in some order; else what could not come next. */
export function unexplained({ accounts, history }: World): string | undefined {
  const open = { status: 'open', currency: 'EUR', held: 0, limit: 0, posted: BEGINNING, version: 2 };
  const verdict = explain(history, ledgerModel(Object.fromEntries(accounts.map((id) => [id, open]))));
  if (verdict.explained) return undefined;
  const told = (numbers: readonly number[]) => numbers.map((number) => tell(history[number])).join('\n');
  return `FUZZ_SEED=${seed}: after\n${told(verdict.order)}\nnone of these can come next:\n${told(verdict.stuck)}`;
}

const FIELDS = ['id', 'account', 'source', 'destination', 'amount'];

function tell(operation: LedgerOperation | undefined): string {
  if (!operation) return '';
  const { call, response: answer = 'nobody knows', from, to } = operation;
  const asked = call.type === 'command' ? call.request : call;
  return `${Math.round(from)}-${Math.round(to)} ${asked.type} ${JSON.stringify(asked, FIELDS)}: ${answer}`;
}

/**
 * The same history, but the first balance is one that nobody was told. Of the last one it would take every order of all
 * that came before to find that none explains it, which can take minutes.
 */
export function forged({ history, ...world }: World): World {
  const first = history.findIndex(({ call, response }) => call.type === 'read' && response !== undefined);
  return {
    ...world,
    history: history.map((operation, number) =>
      number === first ? { ...operation, response: `1${operation.response}` } : operation,
    ),
  };
}
