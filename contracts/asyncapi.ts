/**
 * What subscribers on NATS can rely on, as an AsyncAPI 3 document, made of the schemas that the events have. AsyncAPI
 * describes one application; this document describes a subscriber, so its operations receive.
 */
import { EVENT_SUBJECTS, eventType } from './events.ts';
import { eventHeaders, REPUBLISHED_HEADERS } from './event-headers.ts';
import {
  EVENT_OCCASIONS,
  eventDataSchema,
  jsonSchema,
  PUBLISHED_EVENTS,
  webhookDisabledSchema,
  type JsonSchema,
  type PublishedName,
} from './published-events.ts';
import { newestVersion } from './upcasters.ts';
import { eventSubject, factsSubject, ID_PATTERN, streamName, webhookSubject } from './subjects.ts';
import { WEBHOOK_DISABLED, WEBHOOK_DISABLED_OCCASION, webhookDisabledHeaders } from './webhooks.ts';

export type AsyncApi = { readonly asyncapi: string } & Readonly<Record<string, unknown>>;

/** `natsServer`: host and port. */
export type AsyncApiOptions = { readonly ledger: string; readonly natsServer: string };

const DESCRIPTION = `
The events of the ledger, as they are stored. Publishing an event is the append to the log: subscribers see committed
events only, and the stream holds every event that was ever published.

Read events with a plain subscription (from now on, at most once) or with a JetStream consumer (from any position or
time, at least once). Subjects and messages are the same for both. The position in the log is \`Nats-Sequence\` on a
plain subscription, and the stream sequence of a consumer's message. A released event only gains optional fields: ignore
fields that you do not know. A breaking change is a new version with another \`ce-type\`.
`.trim();

/** Builds the document. */
export function asyncApi({ ledger, natsServer }: AsyncApiOptions): AsyncApi {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tallybook events',
      version: '1',
      description: DESCRIPTION,
      license: { name: 'Apache-2.0' },
      tags: ['account', 'transfer', 'hold', 'webhook'].map((name) => ({ name })),
    },
    defaultContentType: 'application/json',
    servers: {
      nats: {
        host: natsServer,
        protocol: 'nats',
        description:
          'The address that Tallybook itself uses; other networks may need another one. Reading needs no password.',
        bindings: { nats: {} },
      },
    },
    channels: {
      ...byName((name) => channel(name, ledger)),
      WebhookDisabled: webhookDisabledChannel(ledger),
    },
    operations: {
      ...Object.fromEntries(PUBLISHED_EVENTS.map((name) => [`receive${name}`, operation(name, ledger)])),
      receiveWebhookDisabled: webhookDisabledOperation(),
    },
    components: {
      messages: { ...byName(message), WebhookDisabled: webhookDisabledMessage() },
      schemas: schemas(),
      parameters: parameters(ledger),
      operationBindings: { nats: { nats: { bindingVersion: '0.1.0' } } },
    },
    'x-plain-subscription': {
      subject: factsSubject(ledger),
      position: 'Nats-Sequence',
      delivery: 'at most once, from now on',
      headers: { $ref: '#/components/schemas/LiveHeaders' },
    },
    'x-jetstream': {
      stream: streamName(ledger),
      subject: factsSubject(ledger),
      position: 'the stream sequence',
      delivery: 'at least once, from any position or time',
      retention: 'for ever',
      consumers: 'pull',
    },
  };
}

function byName<Part>(make: (name: PublishedName) => Part): Record<string, Part> {
  return Object.fromEntries(PUBLISHED_EVENTS.map((name) => [name, make(name)]));
}

function channel(name: PublishedName, ledger: string) {
  const { aggregate, token } = EVENT_SUBJECTS[name];
  return {
    // The parameters of an address stand in braces, which no real name has.
    address: eventSubject('{ledger}', { aggregate, id: '{id}' }, token),
    title: `${aggregate} ${token}`,
    description: EVENT_OCCASIONS[name],
    servers: [{ $ref: '#/servers/nats' }],
    parameters: {
      ledger: { $ref: '#/components/parameters/ledger' },
      id: { $ref: `#/components/parameters/${aggregate}` },
    },
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
    tags: [{ name: aggregate }],
    'x-nats-subject': factsSubject(ledger, { event: EVENT_SUBJECTS[name] }),
  };
}

function operation(name: PublishedName, ledger: string) {
  const { aggregate } = EVENT_SUBJECTS[name];
  return {
    action: 'receive',
    channel: { $ref: `#/channels/${name}` },
    summary: EVENT_OCCASIONS[name],
    messages: [{ $ref: `#/channels/${name}/messages/${name}` }],
    bindings: { $ref: '#/components/operationBindings/nats' },
    tags: [{ name: aggregate }],
    'x-jetstream-consumer': {
      stream_name: streamName(ledger),
      config: {
        filter_subject: factsSubject(ledger, { event: EVENT_SUBJECTS[name] }),
        deliver_policy: 'all',
        ack_policy: 'explicit',
        replay_policy: 'instant',
      },
    },
  };
}

function message(name: PublishedName) {
  const type = eventType(name);
  return {
    name: type,
    title: name,
    summary: EVENT_OCCASIONS[name],
    contentType: 'application/json',
    headers: {
      type: 'object',
      allOf: [
        { $ref: '#/components/schemas/EventHeaders' },
        { required: ['ce-type'], properties: { 'ce-type': { const: type } } },
      ],
    },
    payload: { $ref: `#/components/schemas/${schemaName(name)}` },
    tags: [{ name: EVENT_SUBJECTS[name].aggregate }],
  };
}

/** A message about a webhook is no event of the ledger: it is not in its stream, and has no position. */
function webhookDisabledChannel(ledger: string) {
  return {
    address: webhookSubject('{ledger}', '{webhook}', 'disabled'),
    title: 'webhook disabled',
    description: `${WEBHOOK_DISABLED_OCCASION} Published for plain subscriptions only.`,
    servers: [{ $ref: '#/servers/nats' }],
    parameters: {
      ledger: { $ref: '#/components/parameters/ledger' },
      webhook: { $ref: '#/components/parameters/webhook' },
    },
    messages: { WebhookDisabled: { $ref: '#/components/messages/WebhookDisabled' } },
    tags: [{ name: 'webhook' }],
    'x-nats-subject': webhookSubject(ledger, '*', 'disabled'),
  };
}

function webhookDisabledOperation() {
  return {
    action: 'receive',
    channel: { $ref: '#/channels/WebhookDisabled' },
    summary: WEBHOOK_DISABLED_OCCASION,
    messages: [{ $ref: '#/channels/WebhookDisabled/messages/WebhookDisabled' }],
    bindings: { $ref: '#/components/operationBindings/nats' },
    tags: [{ name: 'webhook' }],
  };
}

function webhookDisabledMessage() {
  return {
    name: WEBHOOK_DISABLED,
    title: 'WebhookDisabled',
    summary: WEBHOOK_DISABLED_OCCASION,
    contentType: 'application/json',
    headers: { $ref: '#/components/schemas/WebhookDisabledHeaders' },
    payload: { $ref: '#/components/schemas/WebhookDisabled.v1' },
    tags: [{ name: 'webhook' }],
  };
}

/** As the files in `docs/events` are called. */
function schemaName(name: PublishedName): string {
  return `${name}.v${newestVersion(name)}`;
}

function schemas(): Record<string, JsonSchema> {
  const made: Record<string, JsonSchema> = {
    EventHeaders: embedded(jsonSchema(eventHeaders), {}),
    LiveHeaders: {
      type: 'object',
      description: 'The headers on a plain subscription.',
      allOf: [{ $ref: '#/components/schemas/EventHeaders' }, { required: REPUBLISHED_HEADERS }],
    },
  };
  for (const name of PUBLISHED_EVENTS) made[schemaName(name)] = embedded(eventDataSchema(name), made);
  made['WebhookDisabledHeaders'] = embedded(jsonSchema(webhookDisabledHeaders), made);
  made['WebhookDisabled.v1'] = embedded(webhookDisabledSchema(), made);
  return made;
}

/** A schema as a part of the document: what it defines for itself goes into `others`. */
function embedded(schema: JsonSchema, others: Record<string, JsonSchema>): JsonSchema {
  const text = JSON.stringify(schema).replaceAll('"#/definitions/', '"#/components/schemas/');
  const { $schema: _, $id: __, definitions = {}, ...rest } = JSON.parse(text) as JsonSchema;
  Object.assign(others, definitions);
  return rest;
}

function parameters(ledger: string) {
  return {
    ledger: { description: 'The name of the ledger.', default: ledger, examples: [ledger] },
    account: idParameter('account', ['alice', 'world_EUR']),
    transfer: idParameter('transfer', ['tr_3e9bedd215c0e9891b04c34461900c4f']),
    hold: idParameter('hold', ['hold_3e9bedd215c0e9891b04c34461900c4f']),
    webhook: idParameter('webhook', ['wh_3e9bedd215c0e9891b04c34461900c4f']),
  };
}

function idParameter(aggregate: string, examples: readonly string[]) {
  const description = `The id of the ${aggregate}: \`${ID_PATTERN.source}\``;
  return { description, examples, location: '$message.header#/ce-subject' };
}
