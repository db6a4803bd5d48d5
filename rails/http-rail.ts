/**
 * A rail that is spoken to over HTTP: `POST <url>/payments` hands a payment over, with the transfer's id as its
 * `Idempotency-Key`, and `GET <url>/payments/<id>` asks for it. docs/rails.md says what goes to and fro.
 */
import type { RailPayment } from '../contracts/rails.ts';
import type { PaymentStatus, Rail } from './rail.ts';
import { readStatus, readSubmitted, type Reply } from './replies.ts';

/** Longer than any answer has to be. */
const REPLY_BYTES_MAX = 64 * 1024;

/** The rail at a URL. */
export function createHttpRail(url: string): Rail {
  const payments = `${url.replace(/\/+$/, '')}/payments`;
  return {
    submit({ id, account, amount, currency, reference, metadata }: RailPayment, signal) {
      const headers = { 'content-type': 'application/json', 'idempotency-key': id };
      const body = JSON.stringify({ id, account, amount, currency, reference, metadata });
      return call(payments, { method: 'POST', headers, body, signal }, (reply) => readSubmitted(id, reply));
    },
    status: (id, signal) => call(`${payments}/${id}`, { signal }, (reply) => readStatus(id, reply)),
  };
}

/** The rails of a configuration, by their names. */
export function createHttpRails(urls: Readonly<Record<string, string>>): ReadonlyMap<string, Rail> {
  return new Map(Object.entries(urls).map(([name, url]) => [name, createHttpRail(url)]));
}

async function call(
  url: string,
  request: RequestInit,
  read: (reply: Reply) => PaymentStatus,
): Promise<PaymentStatus> {
  try {
    // Whoever redirects a payment has not taken it, and where it would go nobody has configured.
    const response = await fetch(url, { ...request, redirect: 'error' });
    return read({ status: response.status, text: await textOf(response) });
  } catch (error) {
    return { state: 'uncertain', why: reasonOf(error) };
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > REPLY_BYTES_MAX) throw new Error(`it answered more than ${REPLY_BYTES_MAX} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** A failed `fetch` says what it met only in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'it did not answer in time';
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message;
}
