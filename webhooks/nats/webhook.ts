/** A webhook as it is kept, and as it is shown. */
import type { CreatedWebhook, WebhookBody, WebhookResource } from '../../contracts/webhooks.ts';
import { defined } from '../../domain/optional-fields.ts';

export type StoredWebhook = {
  readonly id: string;
  readonly url: string;
  readonly types: WebhookBody['types'];
  /** A deleted one stays as a stone without a secret: its key must not make another. */
  readonly status: 'active' | 'disabled' | 'deleted';
  readonly secret: string;
  /** Those before it, newest first: until then, what is sent is signed with them too. */
  readonly secrets_before?: readonly { readonly secret: string; readonly until: string }[] | undefined;
  /** The requests with a key that have made secrets, newest first, and what each was answered. */
  readonly rotations?: readonly Rotation[] | undefined;
  readonly created_at: string;
  readonly disabled_at?: string | undefined;
  readonly disabled_reason?: string | undefined;
  /** When it was turned on again: what began to fail before that is no reason to turn it off. */
  readonly enabled_at?: string | undefined;
  /** Where the log was when it was made: it gets what comes after. */
  readonly from: number;
  /** Of the request that made it, and what its response had. */
  readonly fingerprint: string;
  readonly created_with: {
    readonly url: string;
    readonly types: WebhookBody['types'];
    /** Of one that is older than this field only the present one is known. */
    readonly secret?: string;
  };
};

export type Rotation = {
  readonly key: string;
  readonly fingerprint: string;
  readonly created: CreatedWebhook;
};

/** What anybody may see of it. */
export function toResource(webhook: StoredWebhook): WebhookResource {
  const { id, url, types, status, created_at, disabled_at, disabled_reason } = webhook;
  return {
    id,
    url,
    types,
    status: status === 'active' ? 'active' : 'disabled',
    created_at,
    ...defined({ disabled_at, disabled_reason }),
  };
}

/** What an event is signed with at this time. */
export function secretsAt({ secret, secrets_before = [] }: StoredWebhook, at: Date): string[] {
  const before = secrets_before.filter(({ until }) => until > at.toISOString());
  return [secret, ...before.map((each) => each.secret)];
}

/** The response to the request that made it, whatever became of it since. */
export function asCreated({ id, created_with, created_at, secret: present }: StoredWebhook): CreatedWebhook {
  const { secret = present, ...rest } = created_with;
  return { id, ...rest, status: 'active', created_at, secret };
}
