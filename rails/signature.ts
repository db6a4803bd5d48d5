/** How callbacks are signed: Standard Webhooks, symmetric. A message may have several signatures, so that a secret can be changed. */
import { timingSafeEqual } from 'node:crypto';
import { Webhook as Signer } from 'standardwebhooks';

/** How far the clocks may be apart, and how late a callback may be. */
export const TOLERANCE_SECONDS = 5 * 60;

export const SIGNATURE_HEADERS = {
  id: 'webhook-id',
  timestamp: 'webhook-timestamp',
  signature: 'webhook-signature',
} as const;

/** The headers of a message that is sent now. */
export function sign(
  secret: string,
  { id, body }: { readonly id: string; readonly body: string },
  now: Date,
): Record<string, string> {
  return {
    [SIGNATURE_HEADERS.id]: id,
    [SIGNATURE_HEADERS.timestamp]: String(Math.floor(now.getTime() / 1_000)),
    [SIGNATURE_HEADERS.signature]: signerOf(secret).sign(id, now, body),
  };
}

/**
 * Why a message is not to be believed; undefined if it is. The package's own `verify` knows no clock but the machine's.
 * @param header gives the value of a header
 */
export function distrust(
  secret: string,
  { body, header }: { body: string; header: (name: string) => string | undefined },
  now: Date,
): string | undefined {
  const id = header(SIGNATURE_HEADERS.id) ?? '';
  const timestamp = header(SIGNATURE_HEADERS.timestamp) ?? '';
  if (id === '' || !/^\d{1,12}$/.test(timestamp)) {
    return `${Object.values(SIGNATURE_HEADERS).join(', ')} are needed.`;
  }
  const signedAt = new Date(Number(timestamp) * 1_000);
  const expected = Buffer.from(signerOf(secret).sign(id, signedAt, body));
  const signatures = (header(SIGNATURE_HEADERS.signature) ?? '').split(' ').map((text) => Buffer.from(text));
  const signed = signatures.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
  if (!signed) return 'The signature does not match the body, the id and the timestamp.';
  const apartMs = Math.abs(now.getTime() - signedAt.getTime());
  return apartMs > TOLERANCE_SECONDS * 1_000 ? 'The timestamp is too far from the current time.' : undefined;
}

/** Standard Webhooks writes a secret as `whsec_` and base64; any other is its own key. */
function signerOf(secret: string): Signer {
  return secret.startsWith('whsec_')
    ? new Signer(secret)
    : new Signer(Buffer.from(secret), { format: 'raw' });
}
