/** Pages of webhooks: there are few of them, so a page is cut out of all. */
import type { WebhookResource } from '../../contracts/webhooks.ts';
import { ProblemError } from './problem.ts';

/** What the list is ordered by. */
type SortKey = Pick<WebhookResource, 'created_at' | 'id'>;

/**
 * The page that a cursor asks for.
 * @param all newest first
 * @throws ProblemError for a cursor that no page gave.
 */
export function pageOfWebhooks(
  all: readonly WebhookResource[],
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): { data: readonly WebhookResource[]; next_cursor: string | null } {
  const after = cursor === undefined ? undefined : decode(cursor);
  const rest = all.filter((webhook) => after === undefined || textOf(webhook) < after);
  const data = rest.slice(0, limit);
  const last = data.at(-1);
  return { data, next_cursor: rest.length > limit && last ? encode(textOf(last)) : null };
}

function textOf({ created_at, id }: SortKey): string {
  return `${created_at} ${id}`;
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function decode(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  // Decoding skips what is not base64url; encoding again shows whether there was any.
  if (!/^\d{4}-[0-9T:.-]+Z [A-Za-z0-9_-]+$/.test(text) || encode(text) !== cursor) {
    throw new ProblemError('invalid_cursor');
  }
  return text;
}
