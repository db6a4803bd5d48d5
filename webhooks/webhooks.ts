/** What the HTTP interface needs to know of webhooks. `webhooks/service.ts` answers from NATS. */
import type {
  AcceptedRedelivery,
  CreatedWebhook,
  DeliveryResource,
  SecretRotation,
  WebhookBody,
  WebhookChange,
  WebhookResource,
} from '../contracts/webhooks.ts';

export type NewWebhook = {
  readonly id: string;
  readonly body: WebhookBody;
  readonly fingerprint: string;
  readonly created_at: string;
};

export type NewSecret = SecretRotation & {
  /** What the request is known by when it comes again. */
  readonly key: string | undefined;
  readonly fingerprint: string;
  readonly at: string;
};

/** What a request made that may come again. */
type Creation = { readonly webhook: CreatedWebhook; readonly replayed: boolean };

export type Webhooks = {
  /** Why a URL can never be sent to; undefined if it can, as far as its text tells. */
  readonly urlProblem: (url: string) => string | undefined;
  /**
   * Makes one, or gives the result of the request with the same id again.
   * `reused`: that was another request. `deleted`: what it made is gone.
   */
  readonly create: (webhook: NewWebhook) => Promise<Creation | 'reused' | 'deleted'>;
  /**
   * Gives it another secret, which the request may name; that before counts for a while too. Or gives the result of an
   * earlier such request again, if it had the same key. `reused`: that was another request. Undefined if there is no
   * webhook.
   */
  readonly rotateSecret: (id: string, secret: NewSecret) => Promise<Creation | 'reused' | undefined>;
  /** Newest first. */
  readonly list: () => Promise<readonly WebhookResource[]>;
  readonly find: (id: string) => Promise<WebhookResource | undefined>;
  /** Undefined if there is none. */
  readonly change: (
    id: string,
    change: WebhookChange & { readonly at: string },
  ) => Promise<WebhookResource | undefined>;
  readonly remove: (id: string) => Promise<boolean>;
  /** Newest events first; those before a position of the log if one is given. */
  readonly deliveries: (
    id: string,
    page: { readonly limit: number; readonly before?: number | undefined },
  ) => Promise<readonly DeliveryResource[]>;
  /**
   * Asks for an event again, by its id or its position; durable when it resolves. Undefined if there is no such event.
   */
  readonly redeliver: (id: string, event: string) => Promise<AcceptedRedelivery | undefined>;
};
