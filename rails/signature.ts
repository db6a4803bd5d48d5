/**
 * How callbacks are signed: Standard Webhooks, symmetric. What is signed is `<id>.<timestamp>.<body>`, with
 * HMAC-SHA256; the signature is `v1,<base64>`, and there may be several of them, so that a secret can be changed.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the clocks may be apart, and how late a callback may be. */
export const TOLERANCE_SECONDS = 5 * 60;

export const SIGNATURE_HEADERS = {
  id: 'webhook-id',
  timestamp: 'webhook-timestamp',
  signature: 'webhook-signature',
} as const;

export type SignedMessage = { readonly id: string; readonly body: Uint8Array | string };

/** The headers of a message that is sent now. */
export function sign(secret: string, { id, body }: SignedMessage, now: Date): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  return {
    [SIGNATURE_HEADERS.id]: id,
    [SIGNATURE_HEADERS.timestamp]: timestamp,
    [SIGNATURE_HEADERS.signature]: `v1,${digest(secret, `${id}.${timestamp}.`, body).toString('base64')}`,
  };
}

/**
 * Why a message is not to be believed; undefined if it is.
 * @param header gives the value of a header
 */
export function distrust(
  secret: string,
  { body, header }: { body: Uint8Array | string; header: (name: string) => string | undefined },
  now: Date,
): string | undefined {
  const id = header(SIGNATURE_HEADERS.id) ?? '';
  const timestamp = header(SIGNATURE_HEADERS.timestamp) ?? '';
  const given = (header(SIGNATURE_HEADERS.signature) ?? '').split(' ');
  if (id === '' || !/^\d{1,12}$/.test(timestamp)) {
    return `${Object.values(SIGNATURE_HEADERS).join(', ')} are needed.`;
  }
  const expected = digest(secret, `${id}.${timestamp}.`, body);
  const signed = given.some((one) => isSame(one, expected));
  if (!signed) return 'The signature does not match the body, the id and the timestamp.';
  const apart = Math.abs(now.getTime() / 1_000 - Number(timestamp));
  return apart > TOLERANCE_SECONDS ? 'The timestamp is too far from the current time.' : undefined;
}

function isSame(given: string, expected: Buffer): boolean {
  const [, base64 = ''] = /^v1,([A-Za-z0-9+/]+={0,2})$/.exec(given) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}

function digest(secret: string, prefix: string, body: Uint8Array | string): Buffer {
  return createHmac('sha256', keyOf(secret)).update(prefix).update(body).digest();
}

/** Standard Webhooks writes a secret as `whsec_` and base64; any other is its own key. */
function keyOf(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret);
}
