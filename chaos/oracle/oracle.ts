/**
 * Holds what clients were answered against what the log has. It is pure, and the same for all scenarios: it knows nothing
 * of faults, and little of the rules. What it demands must hold whatever was broken meanwhile.
 */
import { canonicalJson } from '../../api/commands/idempotency.ts';
import {
  clearResponse,
  describe,
  isClear,
  isRecorded,
  type Attempt,
  type Command,
  type Move,
  type Record,
} from '../clients/record.ts';
import type { Complaint } from '../scenario.ts';
import { checkAccounts, checkReads } from './accounts.ts';
import type { CarriedOut, LogFacts } from './log-facts.ts';

export type Judgement = {
  readonly complaints: readonly Complaint[];
  /** Acknowledged commands that the log does not have. */
  readonly lost: number;
  /** Commands that it has more than once. */
  readonly doubled: number;
};

/** What is wrong, if anything is. */
export function judge({ commands, reads }: Record, log: LogFacts): Judgement {
  const complaints: Complaint[] = [];
  let lost = 0;
  let doubled = 0;
  for (const command of commands) {
    const found = checkCommand(command, log);
    lost += found.some(({ check }) => check === LOST) ? 1 : 0;
    doubled += found.some(({ check }) => check === DOUBLED) ? 1 : 0;
    complaints.push(...found);
  }
  complaints.push(...checkUnasked(commands, log), ...checkAccounts(log), ...checkReads(reads, log));
  return { complaints, lost, doubled };
}

const LOST = 'acknowledged, but not in the log';
const DOUBLED = 'in the log more than once';

function checkCommand(command: Command, log: LogFacts): Complaint[] {
  const complaints: Complaint[] = [];
  const complain = (check: string, found = '') => {
    complaints.push({ check, found: [found, describe(command)].filter((part) => part !== '').join('\n  ') });
  };
  const carried = command.commandIds.map((id) => log.carriedOut.get(id) ?? []);
  const response = clearResponse(command);
  for (const times of carried) {
    if (times.length > 1) complain(DOUBLED, `at ${times.map(placeOf).join(' and at ')}`);
    if (times.some(({ keyHash }) => keyHash !== command.keyHash)) complain('under another key in the log');
  }
  if (response === undefined) complain('no clear answer in the end');
  else if (isRecorded(response) && carried.some((times) => times.length === 0)) complain(LOST);
  else if (!isRecorded(response) && carried.some((times) => times.length > 0)) {
    complain('refused without a trace, but in the log', `answered ${response.status} ${response.code}`);
  }
  checkResponses(command, complain);
  if (response?.position !== undefined) checkPosition({ command, response, log }, complain);
  if (response) checkEffect({ command, response, log }, complain);
  checkMoves(command, log, complain);
  return complaints;
}

type Complain = (check: string, found?: string) => void;

/** A key gives the same answer for ever, and says so. */
function checkResponses({ attempts }: Command, complain: Complain): void {
  for (const { status, text } of attempts) {
    if (status === 500) complain('answered 500', text);
  }
  const [first, ...others] = attempts.filter(isClear);
  if (!first || !isRecorded(first)) return;
  for (const other of others) {
    if (
      other.status !== first.status ||
      other.position !== first.position ||
      !sameJson(other.text, first.text)
    ) {
      complain('answered in two ways', `${first.text}\n  ${other.text}`);
    } else if (!other.replayed) complain('repeated without saying so');
  }
}

/** Text that says the same, in whatever order. */
function sameJson(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return canonicalJson(JSON.parse(one)) === canonicalJson(JSON.parse(other));
  } catch {
    return false;
  }
}

type Responded = { readonly command: Command; readonly response: Attempt; readonly log: LogFacts };

/** An answer names the position that shows it. */
function checkPosition({ command, response, log }: Responded, complain: Complain): void {
  const { position = 0 } = response;
  const events = command.commandIds.flatMap((id) => log.carriedOut.get(id)?.[0]?.events ?? []);
  const own = events.find(({ aggregateId }) => aggregateId === command.commandIds[0]);
  if (own && own.position !== position) {
    complain('answered with another position than the log has', `${position}, not ${own.position}`);
  } else if (position > (events.at(-1)?.position ?? Infinity)) {
    complain('answered with a position beyond what it did', `${position}`);
  }
}

/** What was said to be there is there. */
function checkEffect({ command, response, log }: Responded, complain: Complain): void {
  const done = response.status !== undefined && response.status < 300;
  const { account, hold } = command;
  if (account !== undefined && done !== log.accounts.has(account)) {
    complain(done ? LOST : 'refused, but it is there', `account ${account}`);
  }
  if (hold !== undefined && done !== log.holds.has(hold)) {
    complain(done ? LOST : 'refused, but it is there', `hold ${hold}`);
  }
  if (response.status !== 201) return;
  for (const { id } of command.transfers) {
    const name = log.transfers.get(id)?.name;
    if (name !== 'TransferCompleted' && name !== 'TransferReversed') {
      complain('answered as posted, but it is not', `transfer ${id}: ${name ?? 'not there'}`);
    }
  }
}

/** A transfer moves what was asked for if it is posted, and nothing otherwise. */
function checkMoves(command: Command, log: LogFacts, complain: Complain): void {
  for (const { id, moves: wanted } of command.transfers) {
    const name = log.transfers.get(id)?.name;
    const posted = name === 'TransferCompleted' || name === 'TransferReversed';
    const moved = tell(log.moves.get(id) ?? []);
    if (moved !== tell(posted ? wanted : [])) {
      complain(`moved other money than was asked for`, `transfer ${id} (${name ?? 'none'}): ${moved}`);
    }
  }
}

function tell(moves: readonly Move[]): string {
  return moves
    .map(([account, amount]) => `${account} ${amount}`)
    .toSorted()
    .join(', ');
}

/** Whatever the log has, somebody has asked for. */
function checkUnasked(commands: readonly Command[], log: LogFacts): Complaint[] {
  const keys = new Set(commands.map(({ keyHash }) => keyHash));
  const transfers = new Set(commands.flatMap((command) => command.transfers.map(({ id }) => id)));
  const complaints: Complaint[] = [];
  for (const carried of [...log.carriedOut.values()].flat()) {
    if (carried.keyHash === undefined || keys.has(carried.keyHash)) continue;
    complaints.push({ check: 'in the log, but nobody asked for it', found: `at ${placeOf(carried)}` });
  }
  const unasked = [...log.transfers.keys(), ...log.moves.keys()].filter((id) => !transfers.has(id));
  for (const id of new Set(unasked)) {
    const moved = tell(log.moves.get(id) ?? []);
    complaints.push({ check: 'in the log, but nobody asked for it', found: `transfer ${id}: ${moved}` });
  }
  return complaints;
}

function placeOf({ events }: CarriedOut): string {
  return `position ${events[0]?.position} (${events[0]?.id})`;
}
