/** Waiting for Tallybook itself, once its servers run. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';

const READY_TIMEOUT_MS = 60_000;
const TELL_AFTER_MS = 10_000;

/**
 * Returns when `GET /readyz` answers 200.
 * @param progress told what is not ready yet, when it takes long.
 * @throws Error that says what is not ready after a minute.
 */
export async function waitUntilServing(baseUrl: string, progress: (line: string) => void): Promise<void> {
  const started = Date.now();
  let toldAt = started;
  for (;;) {
    const missing = await whatIsMissing(baseUrl);
    if (missing === undefined) return;
    const now = Date.now();
    if (now - started > READY_TIMEOUT_MS) {
      throw new Error(`Not ready after ${READY_TIMEOUT_MS / 1000} s. GET ${baseUrl}/readyz: ${missing}`);
    }
    if (now - toldAt > TELL_AFTER_MS) {
      toldAt = now;
      progress(`still waiting for GET ${baseUrl}/readyz: ${missing}`);
    }
    await sleep(100);
  }
}

async function whatIsMissing(baseUrl: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${baseUrl}/readyz`, { signal: AbortSignal.timeout(5_000) });
    const body = await response.text();
    return response.ok ? undefined : `${response.status} ${body.slice(0, 1_000)}`;
  } catch (error) {
    return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
  }
}
