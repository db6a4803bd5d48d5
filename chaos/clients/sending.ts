/** One request, and what came of it. Nothing is thrown: that there was no answer is an answer of its own. */
import type { Attempt, Command, Read } from './record.ts';

/** HTTP promises to answer within 10 s; a paused API cannot. */
const PATIENCE_MS = 15_000;

/** Sends a command once. */
export async function sendCommand(
  url: string,
  command: Pick<Command, 'path' | 'body' | 'key'>,
): Promise<Attempt> {
  const sent = Date.now();
  try {
    const answer = await fetch(`${url}${command.path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': command.key },
      body: JSON.stringify(command.body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.text();
    const position = answer.headers.get('ledger-position');
    return {
      sent,
      ended: Date.now(),
      status: answer.status,
      code: answer.ok ? undefined : codeOf(text),
      position: position === null ? undefined : Number(position),
      replayed: answer.headers.get('idempotency-replayed') === 'true',
      text,
    };
  } catch (error) {
    return { sent, ended: Date.now(), text: reasonOf(error) };
  }
}

/** Reads an account; undefined if it was not answered. */
export async function readAccount(
  url: string,
  account: string,
  minPosition: number,
): Promise<Read | undefined> {
  try {
    const answer = await fetch(`${url}/v1/accounts/${account}?min_position=${minPosition}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.text();
    if (answer.status === 404) return absent(account, minPosition);
    if (answer.status !== 200) return undefined;
    const { version, balances, overdraft_limit } = JSON.parse(text) as {
      version: number;
      balances: { posted: string; held: string; available: string };
      overdraft_limit: string;
    };
    return {
      account,
      minPosition,
      at: Date.now(),
      version,
      posted: BigInt(balances.posted),
      held: BigInt(balances.held),
      available: BigInt(balances.available),
      limit: BigInt(overdraft_limit),
    };
  } catch {
    return undefined;
  }
}

/** Before its first event an account has the version 0. */
function absent(account: string, minPosition: number): Read {
  const nothing = { posted: 0n, held: 0n, available: 0n, limit: 0n };
  return { account, minPosition, at: Date.now(), version: 0, ...nothing };
}

function codeOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { code?: string }).code;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
