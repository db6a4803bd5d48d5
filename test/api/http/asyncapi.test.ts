import { readFile } from 'node:fs/promises';
import specification from '@asyncapi/specs/schemas/3.0.0.json' with { type: 'json' };
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../../api/app.ts';
import { EVENT_SUBJECTS, eventType } from '../../../contracts/events.ts';
import { PUBLISHED_EVENTS } from '../../../contracts/published-events.ts';
import { WEBHOOK_DISABLED } from '../../../contracts/webhooks.ts';
import { HASHED_HEADERS } from '../../../eventlog/wire/codec.ts';
import { untouchable } from '../fixtures/fixtures.ts';

type Reference = { $ref: string };
type Channel = { address: string; parameters: Record<string, Reference>; 'x-nats-subject': string };
type Message = { name: string; headers: { allOf: object[] }; payload: Reference };
type Document = {
  asyncapi: string;
  servers: { nats: { host: string } };
  channels: Record<string, Channel>;
  operations: Record<string, { action: string; channel: Reference; messages: Reference[] }>;
  components: { messages: Record<string, Message>; schemas: Record<string, Record<string, unknown>> };
  'x-jetstream': { stream: string; subject: string };
};

const { deps } = untouchable();
const answer = await createApp(deps).request('/asyncapi.json');
const text = await answer.text();
const document: Document = JSON.parse(text);

// The specification brings its own copy of JSON Schema.
const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false });
addFormats.default(ajv);
const isAsyncApi = ajv.compile(specification);

describe('the AsyncAPI document', () => {
  it('is one, by the specification', () => {
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(document.asyncapi).toBe('3.0.0');
    isAsyncApi(document);
    expect(isAsyncApi.errors).toBeNull();
  });

  it('would not be one with an operation of no channel, or a payload that is no schema', () => {
    const [first = ''] = Object.keys(document.operations);
    const { channel: _, ...rest } = document.operations[first] ?? {};
    expect(isAsyncApi({ ...document, operations: { [first]: rest } })).toBe(false);
    const message = { payload: { type: 'money' } };
    expect(isAsyncApi({ ...document, components: { messages: { message } } })).toBe(false);
  });

  it('has no reference that leads nowhere', () => {
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(references.length).toBeGreaterThan(100);
    for (const reference of new Set(references))
      expect({ reference, target: target(reference) }).toEqual({ reference, target: expect.anything() });
  });

  it('has one channel, one operation and one message for each published event, and none for receipts', () => {
    const all = [...PUBLISHED_EVENTS, 'WebhookDisabled'];
    expect(Object.keys(document.channels)).toEqual(all);
    expect(Object.keys(document.operations)).toEqual(all.map((name) => `receive${name}`));
    expect(Object.keys(document.components.messages)).toEqual(all);
    expect(text.match(/CommandRecorded|receipt\.|append\.\w/)?.[0]).toBeUndefined();
  });

  it.each(PUBLISHED_EVENTS)('%s: the address is that of the event, with its parameters', (name) => {
    const { aggregate, token } = EVENT_SUBJECTS[name];
    const { address, parameters, 'x-nats-subject': subject } = document.channels[name]!;
    expect(address).toBe(`ledger.{ledger}.${aggregate}.{id}.${token}`);
    expect(Object.keys(parameters)).toEqual([...address.matchAll(/\{(\w+)\}/g)].map((match) => match[1]));
    expect(subject).toBe(address.replace('{ledger}', 'main').replace('{id}', '*'));
  });

  it.each(PUBLISHED_EVENTS)(
    '%s: a subscriber receives its type, with the schema of docs/events',
    async (name) => {
      const operation = document.operations[`receive${name}`]!;
      expect(operation.action).toBe('receive');
      expect(operation.channel.$ref).toBe(`#/channels/${name}`);
      expect(operation.messages).toEqual([{ $ref: `#/channels/${name}/messages/${name}` }]);
      const message = document.components.messages[name]!;
      expect(message.name).toBe(eventType(name));
      const type = message.name.replace('ledger.', '');
      expect(message.payload.$ref).toBe(`#/components/schemas/${type}`);
      const file = await readFile(new URL(`../../../docs/events/${type}.json`, import.meta.url), 'utf8');
      const {
        $schema: _,
        $id: __,
        definitions,
        ...schema
      } = JSON.parse(file.replaceAll('#/definitions/', '#/components/schemas/')) as Record<string, unknown>;
      expect(target(message.payload.$ref)).toEqual(schema);
      expect(document.components.schemas).toMatchObject(definitions ?? {});
    },
  );

  it('says what is told of a webhook that is disabled', () => {
    expect(document.channels['WebhookDisabled']).toMatchObject({
      address: 'webhook.{ledger}.{webhook}.disabled',
      'x-nats-subject': 'webhook.main.*.disabled',
    });
    expect(document.components.messages['WebhookDisabled']?.name).toBe(WEBHOOK_DISABLED);
  });

  it('describes every header that the log writes, and those of a plain subscription', () => {
    const { properties, required } = document.components.schemas['EventHeaders'] ?? {};
    const headers = Object.keys(properties ?? {});
    // What CloudEvents 1.0 wants of every event.
    expect(required).toEqual(
      expect.arrayContaining(['ce-id', 'ce-source', 'ce-specversion', 'ce-type', 'datacontenttype']),
    );
    expect(headers).toEqual(expect.arrayContaining([...HASHED_HEADERS, 'ce-after', 'ce-hash']));
    expect(headers).toEqual(
      expect.arrayContaining(['Nats-Stream', 'Nats-Subject', 'Nats-Sequence', 'Nats-Last-Sequence']),
    );
  });

  it('names the ledger, its stream and the server that it has', async () => {
    const app = createApp({ ...deps, ledger: 'savings', natsServer: 'nats.example:4333' });
    const other = (await (await app.request('/asyncapi.json')).json()) as Document;
    expect(other.servers.nats.host).toBe('nats.example:4333');
    expect(other['x-jetstream']).toMatchObject({ stream: 'LEDGER_savings', subject: 'ledger.savings.>' });
    expect(JSON.stringify(other).match(/ledger\.main|LEDGER_main/)?.[0]).toBeUndefined();
    isAsyncApi(other);
    expect(isAsyncApi.errors).toBeNull();
  });
});

function target(reference: string): unknown {
  const steps = reference.replace(/^#\//, '').split('/');
  return steps.reduce<unknown>((at, step) => Reflect.get(Object(at), step), document);
}
