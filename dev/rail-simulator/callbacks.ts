/** How the simulated rail calls back: signed, and again until somebody has taken it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sign } from '../../rails/signature.ts';
import type { Payment, Payments } from './payments.ts';

export type CallbackOptions = {
  readonly url: string;
  readonly secret: string;
  /** Told what happens, a line each. */
  readonly log: (line: string) => void;
};

const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 60_000, 60_000];
/** Between what is called back of one payment. */
const NEXT_MS = 300;

/** Calls back what has not been called back yet, when the payment has come to its end. */
export async function callBack(
  payment: Payment,
  payments: Payments,
  options: CallbackOptions,
): Promise<void> {
  const { key, plan, receivedAt } = payment;
  await pause(Math.max(0, receivedAt + plan.endsAfterMs - Date.now()));
  for (const [index, state] of plan.callbacks.entries()) {
    if (index < payment.calledBack) continue;
    if (index > 0) await pause(NEXT_MS);
    const { reason } = plan;
    const answer = { id: payment.body.id, state, ...(reason === undefined ? {} : { reason }) };
    if (await deliver({ id: `${key}-${index + 1}`, body: JSON.stringify(answer) }, options)) {
      payments.calledBack(key, index + 1);
    }
  }
}

async function deliver(message: { id: string; body: string }, options: CallbackOptions): Promise<boolean> {
  const { log } = options;
  for (const until of [...PAUSES_MS, undefined]) {
    const answer = await send(message, options);
    log(`called back ${message.body}: ${answer}`);
    if (answer === 200) return true;
    const again = typeof answer === 'string' || answer >= 500 || answer === 429;
    if (!again || until === undefined) break;
    await pause(until);
  }
  log(`gave up calling back ${message.body}`);
  return false;
}

/** The status of the answer, or why there was none. */
async function send(
  message: { id: string; body: string },
  { url, secret }: CallbackOptions,
): Promise<number | string> {
  try {
    const headers = { 'content-type': 'application/json', ...sign(secret, message, new Date()) };
    const signal = AbortSignal.timeout(15_000);
    const { status } = await fetch(url, { method: 'POST', headers, body: message.body, signal });
    return status;
  } catch (error) {
    return String(error instanceof Error ? (error.cause ?? error) : error);
  }
}

/** Nobody need be kept from ending by it. */
function pause(milliseconds: number): Promise<void> {
  return sleep(milliseconds, undefined, { ref: false });
}
