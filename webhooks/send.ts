/** One attempt: a signed POST to the address that was checked, and nowhere else. */
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { Webhook as Signer } from 'standardwebhooks';
import { addressesOf, hostOf, type Address, type Resolve } from './addresses.ts';

export type Attempt = {
  readonly url: string;
  /** It is signed with each of them: a receiver takes it that knows one. */
  readonly secrets: readonly string[];
  /** The same in every attempt: what a receiver knows a repeated event by. */
  readonly id: string;
  readonly body: string;
  readonly at: Date;
  readonly signal: AbortSignal;
};

export type SendOptions = {
  readonly allowPrivate: boolean;
  readonly timeoutMs: number;
  readonly resolve?: Resolve | undefined;
};

/** What came of it: an answer, or the reason why there is none. */
export type Sent =
  | { readonly status: number; readonly retryAfterMs?: number | undefined; readonly error?: never }
  | { readonly status?: never; readonly retryAfterMs?: never; readonly error: string };

/** What is read of an answer's body, for politeness: nothing in it counts. */
const RESPONSE_BYTES_MAX = 64 * 1024;

/**
 * Sends it once.
 * @throws the reason of `attempt.signal` if that is why it ended.
 */
export async function send(attempt: Attempt, options: SendOptions): Promise<Sent> {
  const late = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([attempt.signal, late]);
  try {
    const addresses = await unlessAborted(addressesOf(hostOf(attempt.url), options), signal);
    const response = await post(attempt, addresses, signal);
    const retryAfter = Number(response.headers['retry-after'] ?? Number.NaN);
    return {
      status: response.statusCode ?? 0,
      ...(retryAfter > 0 ? { retryAfterMs: retryAfter * 1_000 } : {}),
    };
  } catch (error) {
    attempt.signal.throwIfAborted();
    if (late.aborted) return { error: `No response within ${options.timeoutMs / 1_000} s.` };
    return { error: reasonOf(error) };
  }
}

function post(
  attempt: Attempt,
  addresses: readonly Address[],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const url = new URL(attempt.url);
  const options: RequestOptions = {
    method: 'POST',
    headers: headersOf(attempt),
    // A connection of its own: one that is kept might go to an address that was checked long ago.
    agent: false,
    lookup: giving(addresses),
    signal,
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options);
    request.on('error', reject);
    request.on('response', (response) => {
      drain(response);
      resolve(response);
    });
    request.end(attempt.body);
  });
}

function headersOf({ secrets, id, at, body }: Attempt): Record<string, string> {
  return {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Tallybook-Webhooks/1',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Signer(secret).sign(id, at, body)).join(' '),
  };
}

/** What a name means is not asked a second time, when the answer could be another one. */
function giving(addresses: readonly Address[]): LookupFunction {
  return (_, { all }, callback) => {
    const [first] = addresses;
    if (all) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** Reads the answer to its end, so that the receiver sees no broken connection, but not without end. */
function drain(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > RESPONSE_BYTES_MAX) response.destroy();
  });
  // It has been answered: what breaks after that changes nothing.
  response.on('error', () => {});
}

/** Looking up a name cannot be broken off, but need not be waited for. */
async function unlessAborted<Found>(found: Promise<Found>, signal: AbortSignal): Promise<Found> {
  return await new Promise<Found>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    found.then(resolve, reject);
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // Of several addresses that were tried, Node tells the failures together and gives them no text.
  return error.message === '' ? code : error.message;
}
