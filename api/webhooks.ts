/** What the HTTP interface needs to know of webhooks. `webhooks/service.ts` answers from NATS. */
import type {
  AskedDelivery,
  CreatedWebhook,
  DeliveryResource,
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

export type Webhooks = {
  /** Why a URL can never be sent to; undefined if it can, as far as its text tells. */
  readonly refusal: (url: string) => string | undefined;
  /**
   * Makes one, or gives the answer of the request with the same id again.
   * `reused`: that was another request. `deleted`: what it made is gone.
   */
  readonly create: (
    webhook: NewWebhook,
  ) => Promise<{ readonly webhook: CreatedWebhook; readonly replayed: boolean } | 'reused' | 'deleted'>;
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
  readonly redeliver: (id: string, event: string) => Promise<AskedDelivery | undefined>;
};
