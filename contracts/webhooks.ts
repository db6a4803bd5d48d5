/**
 * Webhooks: URLs that the ledger's events are sent to. What HTTP says of them and of their deliveries. How a delivery is
 * signed is Standard Webhooks, which docs/webhooks.md tells.
 */
import { z } from 'zod';
import { EVENT_SUBJECTS, eventType, type EventName } from './events.ts';
import { page } from './http.ts';
import * as values from './values.ts';

/** What may be asked for; receipts are the ledger's own. */
const EVENT_TYPES = (Object.keys(EVENT_SUBJECTS) as EventName[])
  .filter((name) => EVENT_SUBJECTS[name].aggregate !== 'command')
  .map((name) => eventType(name));

/** Every event. */
export const ALL_TYPES = '*';

const URL_MAX = 2_048;
const SECRET_PREFIX = 'whsec_';
/** What Standard Webhooks allows for the bytes of a secret. */
const SECRET_BYTES = { min: 24, max: 64 } as const;

const url = z
  .string()
  .max(URL_MAX)
  .refine(isHttpUrl, 'must be an http or https URL without a user, a password or a fragment')
  .meta({ description: 'The URL that deliveries are POSTed to.', example: 'https://example.com/tallybook' });

const types = z
  .array(z.enum([ALL_TYPES, ...EVENT_TYPES]))
  .min(1)
  .max(EVENT_TYPES.length)
  .refine((chosen) => new Set(chosen).size === chosen.length, 'must name each type once')
  .refine(
    (chosen) => chosen.length === 1 || !chosen.includes(ALL_TYPES),
    'must be either "*" alone or a list of types',
  )
  .readonly()
  .meta({
    description: 'The CloudEvents types to deliver, or `*` for all.',
    example: ['ledger.TransferCompleted.v1'],
  });

const secret = z
  .string()
  .refine(isSecret, `must be ${SECRET_PREFIX} and base64 of ${SECRET_BYTES.min} to ${SECRET_BYTES.max} bytes`)
  .meta({
    description: 'The secret that deliveries are signed with. By default, it is generated.',
    example: `${SECRET_PREFIX}MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`,
  });

export const webhookBody = z.strictObject({ url, types, secret: secret.optional() }).meta({
  id: 'CreateWebhook',
  example: { url: 'https://example.com/tallybook', types: ['ledger.TransferCompleted.v1'] },
});

/** How long deliveries are signed with the secret before as well. */
export const ROTATION_HOURS = 24;

export const secretRotation = z
  .strictObject({ secret: secret.optional() })
  .meta({ id: 'RotateSecret', example: {} });

export const webhookChange = z
  .strictObject({
    url: url.optional(),
    types: types.optional(),
    status: z.enum(['active', 'disabled']).optional().meta({
      description: '`active`, after the webhook was disabled: deliveries resume where they stopped.',
      example: 'active',
    }),
  })
  .refine((change) => Object.keys(change).length > 0, 'must change at least one field')
  .meta({ id: 'ChangeWebhook', example: { status: 'active' } });

const publicFields = {
  id: values.id.meta({
    description: 'The id of the webhook.',
    example: 'wh_3e9bedd215c0e9891b04c34461900c4f',
  }),
  url,
  types,
  status: z.enum(['active', 'disabled']),
  created_at: values.time,
  disabled_at: values.time.optional(),
  disabled_reason: z.string().optional().meta({ description: 'Why the webhook is disabled.' }),
};

export const webhookResource = z.object(publicFields).meta({ id: 'Webhook' });
export const webhookPage = page(webhookResource).meta({ id: 'WebhookPage' });

/** Shown only to the request that makes a webhook or its secret, and to a retry of it with the same key. */
export const createdWebhook = z
  .object({ ...publicFields, secret: secret.meta({ description: 'Store it: it is not shown again.' }) })
  .meta({ id: 'CreatedWebhook' });

export const deliveryResource = z
  .object({
    event: z.string().meta({ description: 'The id of the event, and the `webhook-id` of each attempt.' }),
    position: values.position,
    type: z
      .string()
      .meta({ description: 'The CloudEvents type of the event.', example: 'ledger.TransferCompleted.v1' }),
    status: z.enum(['delivered', 'retrying', 'failed']).meta({
      description: '`failed`: there are no further automatic attempts.',
    }),
    attempts: z
      .number()
      .int()
      .positive()
      .meta({ description: 'The attempts so far, including manual ones.' }),
    last_attempt_at: values.time,
    last_status: z.number().int().optional().meta({ description: 'The HTTP status of the last response.' }),
    last_error: z.string().optional().meta({ description: 'Why the last attempt failed.' }),
    next_attempt_at: values.time.optional(),
    delivered_at: values.time.optional(),
  })
  .meta({ id: 'Delivery' });

export const deliveryPage = page(deliveryResource).meta({ id: 'DeliveryPage' });

export const acceptedRedelivery = z.object({ event: z.string(), position: values.position }).meta({
  id: 'AcceptedRedelivery',
  description: 'The redelivery is stored durably and will be carried out.',
});

export type WebhookBody = z.infer<typeof webhookBody>;
export type SecretRotation = z.infer<typeof secretRotation>;
export type WebhookChange = z.infer<typeof webhookChange>;
export type WebhookResource = z.infer<typeof webhookResource>;
export type CreatedWebhook = z.infer<typeof createdWebhook>;
export type DeliveryResource = z.infer<typeof deliveryResource>;
export type AcceptedRedelivery = z.infer<typeof acceptedRedelivery>;

/** The CloudEvents type of what is published when a webhook is disabled without anybody asking for it. */
export const WEBHOOK_DISABLED = 'webhook.WebhookDisabled.v1';

/** When that is. */
export const WEBHOOK_DISABLED_OCCASION =
  'A webhook is disabled because its deliveries kept failing, or because its receiver answered 410 Gone.';

/** Its data. It is no event of the ledger: it has no position, and no hash. */
export const webhookDisabledData = z.object({
  webhook: publicFields.id,
  reason: z.string().meta({
    description: 'The `disabled_reason` of the webhook.',
    example: 'The receiver answered 410 Gone.',
  }),
});

/** Its headers: CloudEvents 1.0 in NATS binary mode. */
export const webhookDisabledHeaders = z.object({
  'ce-specversion': z.literal('1.0'),
  'ce-id': z.string().min(1).meta({ description: 'Unique among the webhooks of the ledger.' }),
  'ce-source': z
    .string()
    .regex(/^\/ledgers\/[A-Za-z0-9_-]+\/webhooks$/)
    .meta({ description: 'The webhooks of the ledger.', example: '/ledgers/main/webhooks' }),
  'ce-type': z.literal(WEBHOOK_DISABLED),
  'ce-subject': publicFields.id,
  'ce-time': values.time.meta({ description: 'When the webhook was disabled. RFC 3339, UTC.' }),
  datacontenttype: z.literal('application/json'),
});

/** What comes of an attempt. `gave_up`: it was the last one; `gone`: the receiver wants nothing any more. */
export const ATTEMPT_OUTCOMES = ['delivered', 'failed', 'gave_up', 'gone'] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return /^https?:$/.test(protocol) && `${username}${password}${hash}` === '';
}

function isSecret(text: string): boolean {
  const base64 = text.startsWith(SECRET_PREFIX) ? text.slice(SECRET_PREFIX.length) : '';
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) return false;
  const bytes = (base64.replaceAll('=', '').length * 3) >> 2;
  return bytes >= SECRET_BYTES.min && bytes <= SECRET_BYTES.max;
}
