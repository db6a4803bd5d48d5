import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { asyncApi } from '../../../contracts/asyncapi.ts';
import { PROBLEMS } from '../../../contracts/problems.ts';
import { EVENT_OCCASIONS } from '../../../contracts/published-events.ts';
import type { RejectionCode } from '../../../domain/rejections.ts';
import {
  account,
  deposited,
  entry,
  eventReader,
  hold,
  post,
  readStore,
  READY,
  testApp,
  transfer,
} from '../fixtures/fixtures.ts';
import { bulkOfTen } from '../fixtures/memory-bulks.ts';
import { memorySchedules, scheduleBody as schedule } from '../fixtures/memory-schedules.ts';
import { memoryWebhooks, webhookBody } from '../fixtures/memory-webhooks.ts';
import { deposit, hold as holdBody, KEY, transaction, transfer as body } from '../fixtures/rejected.ts';

type Parameter = { name: string; in: string; required?: boolean };
type Media = Record<string, { schema: object }>;
type Operation = {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Media };
  responses: Record<string, { description: string; content?: Media; headers?: Record<string, object> }>;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
};

const fired = '2026-11-23T08:00:00.000Z';
const started = { transfer: 'tr_3', scheduled_at: fired, fired_at: fired, workflow_id: 'schedule/sch_1-x' };
const transfers = [
  transfer({ schedule: 'sch_1' }),
  transfer({ id: 'tr_2', kind: 'transaction', ...transaction }),
];
const store = readStore({ accounts: [account()], transfers, holds: [hold()], entries: [entry()] });
const { app } = testApp({ readStore: store, events: eventReader([deposited(3)]) });
const text = await (await app.request('/openapi.json')).text();
const document: Document = JSON.parse(text);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: 'openapi', components: document.components });

/** What Temporal keeps is no command of the ledger: it has no position, and nothing to wait for. */
const KEPT_BY_TEMPORAL = /^\/v1\/schedules(\/\{id\}(\/(pause|resume))?)?$/;

/** Webhooks are no part of the ledger either. */
const KEPT_BESIDE_THE_LOG = /^\/v1\/webhooks(\/|$)/;

const SOMETIMES = /^(Idempotency-Replayed|Link)$/;
const WHERE_ASKED_FOR = /^(Idempotency-Replayed|Ledger-Position|Preference-Applied)$/;

/** The first word of a summary is a verb. */
const IMPERATIVE =
  /^(Approve|Cancel|Capture|Change|Check|Close|Create|Delete|Extend|Freeze|Get|List|Make|Open|Pause|Place|Post|Redeliver|Reject|Report|Resolve|Resume|Reverse|Rotate|Trigger|Unfreeze|Void)( [A-Za-z-]+,?)+$/;

const SENTENCES = /^[A-Z0-9`][^]*[.:]$/;

/** Words that this project once used where the field has a term. */
const PRIVATE_WORDS =
  /\b(told|heard|said|whoever|nobody|let go|lets? the money|set aside|sets aside|taken on|what became|comes? about|to come about|it is so|what is none|wholly|called off|asked for|answers? to)\b/i;

/** Every text called `description`, and where it stands. */
function descriptionsBelow(value: unknown, path = ''): { path: string; description: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => {
    const at = `${path}/${name}`;
    return name === 'description' && typeof inner === 'string'
      ? [{ path: at, description: inner }]
      : descriptionsBelow(inner, at);
  });
}

/** What is wrong with a value by a schema of the document. */
function mistakes(schema: object, value: unknown): unknown {
  const inDocument = JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/'));
  return ajv.validate(inDocument, value) ? [] : ajv.errors;
}

describe('the OpenAPI document', () => {
  it('describes every route of the app, and nothing else', () => {
    const routed = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:([a-z_]+)/g, '{$1}')}`);
    const described = operations.map(({ method, path }) => `${method} ${path}`);
    expect([...new Set(routed)].toSorted()).toEqual(described.toSorted());
  });

  it('has no reference that leads nowhere, and schemas that are schemas', () => {
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(references.length).toBeGreaterThan(20);
    for (const reference of new Set(references)) {
      const steps = reference.replace(/^#\//, '').split('/');
      const target = steps.reduce<unknown>((at, step) => Reflect.get(Object(at), step), document);
      expect({ reference, target }).toEqual({ reference, target: expect.anything() });
    }
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      expect({ name, valid: ajv.validateSchema(schema) }).toEqual({ name, valid: true });
      expect(ajv.compile({ $ref: `openapi#/components/schemas/${name}` })).toBeTypeOf('function');
    }
  });

  it('names every operation once', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(operations)('is complete: $method $path', ({ path, method, operation }) => {
    expect(operation.summary).toBeTruthy();
    expect(operation.tags).toHaveLength(1);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const parameters = operation.parameters ?? [];
    expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(inPath);
    for (const response of Object.values(operation.responses)) {
      expect(response.description).toBeTruthy();
      for (const { schema } of Object.values(response.content ?? {})) expect(schema).toBeDefined();
    }
    // What a rail calls back with is no client's command: however often it comes, it has one effect.
    if (method === 'GET' || KEPT_BY_TEMPORAL.test(path) || path.startsWith('/v1/rails/')) return;
    if (KEPT_BESIDE_THE_LOG.test(path)) return;
    expect(parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(['Idempotency-Key', 'Prefer']));
    expect(Object.keys(operation.responses)).toEqual(
      expect.arrayContaining(['202', '400', '413', '415', '422', '500', '503']),
    );
  });

  it('says which codes come with which status', () => {
    for (const { operation } of operations) {
      for (const [status, { description }] of Object.entries(operation.responses)) {
        for (const [, code] of description.matchAll(/`([a-z_]+)`:/g)) {
          expect(PROBLEMS).toHaveProperty(code ?? '');
          expect(String(Reflect.get(PROBLEMS, code ?? '').status)).toBe(status);
        }
      }
    }
  });

  it.each(operations)('speaks plainly: $operation.operationId', ({ operation }) => {
    // An imperative such as "Place a hold": a verb, no full stop.
    expect(operation.summary).toMatch(IMPERATIVE);
    expect(operation.summary.length).toBeLessThanOrEqual(60);
    expect(operation.description).toMatch(SENTENCES);
    for (const [status, { description }] of Object.entries(operation.responses)) {
      if (Number(status) < 300) expect(description).toMatch(SENTENCES);
    }
  });

  it('describes every field, parameter and header in whole sentences', () => {
    const described = descriptionsBelow(document).filter(
      ({ path }) => !/\/responses\/[45]\d\d\/desc/.test(path),
    );
    expect(described.length).toBeGreaterThan(300);
    expect(described.filter(({ description }) => !SENTENCES.test(description))).toEqual([]);
  });

  it('has problem titles that are phrases', () => {
    for (const { title } of Object.values(PROBLEMS)) expect(title).toMatch(/^[A-Z][A-Za-z-]*( [A-Za-z-]+)+$/);
    const titles = Object.values(PROBLEMS).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('uses the words of the field', () => {
    const texts = descriptionsBelow(document).map(({ description }) => description);
    texts.push(...operations.map(({ operation }) => operation.summary));
    texts.push(
      ...descriptionsBelow(asyncApi({ ledger: 'main', natsServer: 'nats:4222' })).map((at) => at.description),
    );
    texts.push(...Object.values(EVENT_OCCASIONS), ...Object.values(PROBLEMS).map(({ title }) => title));
    expect(texts.filter((one) => PRIVATE_WORDS.test(one))).toEqual([]);
  });

  it('has examples that are valid', () => {
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      if (!('example' in schema)) continue;
      expect({ name, mistakes: mistakes(schema, schema.example) }).toEqual({ name, mistakes: [] });
    }
  });
});

describe('what the app answers is what the document says', () => {
  const rejected = {
    outcome: {
      type: 'recorded',
      replayed: false,
      result: {
        position: 7,
        replayed: false,
        created: true,
        transfer: transfer({ status: 'rejected', reason: 'insufficient_funds' }),
        rejection: { code: 'insufficient_funds', detail: 'Not enough.' },
      },
    },
  } as const;
  const waiting = {
    outcome: {
      type: 'recorded',
      replayed: true,
      result: {
        position: 7,
        replayed: true,
        created: true,
        transfer: transfer({ status: 'awaiting_approval', approval_expires_at: '2027-01-01T00:00:00.000Z' }),
      },
    },
  } as const;
  const accepted = { outcome: { type: 'accepted', workflowId: 'w' } } as const;
  const away = { readiness: () => Promise.resolve({ ...READY, ready: false }) };
  const late = { waitForPosition: () => Promise.resolve(false) };

  it.each<[string, string, RequestInit?, Parameters<typeof testApp>[0]?]>([
    ['/v1/accounts', '/v1/accounts', post({ owner: 'Alice', currency: 'EUR' })],
    ['/v1/accounts', '/v1/accounts', post({ owner: 'Alice', currency: 'EUR' }), accepted],
    ['/v1/accounts', '/v1/accounts', post({ owner: 1 })],
    ['/v1/accounts', '/v1/accounts'],
    ['/v1/accounts', '/v1/accounts?cursor=x'],
    ['/v1/accounts', '/v1/accounts?min_position=9', {}, late],
    ['/v1/accounts/{id}', '/v1/accounts/alice'],
    ['/v1/accounts/{id}', '/v1/accounts/world_EUR'],
    ['/v1/accounts/{id}', '/v1/accounts/nobody'],
    ['/v1/accounts/{id}/balances', '/v1/accounts/alice/balances'],
    ['/v1/accounts/{id}/freeze', '/v1/accounts/alice/freeze', post({})],
    ['/v1/accounts/{id}/freeze', '/v1/accounts/alice/freeze', post({}, { 'content-type': 'text/plain' })],
    ['/v1/accounts/{id}/unfreeze', '/v1/accounts/alice/unfreeze', post({})],
    ['/v1/accounts/{id}/close', '/v1/accounts/alice/close', post({}), accepted],
    ['/v1/accounts/{id}/statement', '/v1/accounts/alice/statement'],
    ['/v1/accounts/{id}/statement', '/v1/accounts/alice/statement', { headers: { accept: 'text/csv' } }],
    ['/v1/accounts/{id}/events', '/v1/accounts/alice/events'],
    ['/v1/accounts/{id}', '/v1/accounts/alice', change({ 'if-match': '"3"' })],
    ['/v1/accounts/{id}', '/v1/accounts/alice', change({ 'if-match': '"3"' }), accepted],
    ['/v1/accounts/{id}', '/v1/accounts/alice', change({})],
    ['/v1/accounts/{id}', '/v1/accounts/alice', change({ 'if-match': 'W/"3"' })],
    ['/v1/deposits', '/v1/deposits', post(deposit, KEY)],
    ['/v1/withdrawals', '/v1/withdrawals', post(deposit, KEY)],
    ['/v1/transfers', '/v1/transfers', post(body, KEY)],
    ['/v1/transfers', '/v1/transfers', post(body, KEY), rejected],
    ['/v1/transfers', '/v1/transfers', post(body, KEY), accepted],
    ['/v1/transfers', '/v1/transfers', post(body, KEY), waiting],
    ['/v1/withdrawals', '/v1/withdrawals', post(deposit, KEY), waiting],
    ['/v1/transfers', '/v1/transfers', post(body)],
    ['/v1/transfers', '/v1/transfers'],
    ['/v1/transfers/{id}', '/v1/transfers/tr_1'],
    ['/v1/transfers/{id}', '/v1/transfers/tr_3'],
    ['/v1/transfers/{id}/approve', '/v1/transfers/tr_1/approve', post({})],
    ['/v1/transfers/{id}/approve', '/v1/transfers/tr_1/approve', post({}), rejected],
    [
      '/v1/transfers/{id}/approve',
      '/v1/transfers/tr_1/approve',
      post({}),
      errorOutcome('transfer_not_pending'),
    ],
    ['/v1/transfers/{id}/reject', '/v1/transfers/tr_1/reject', post({})],
    ['/v1/transfers/{id}/cancel', '/v1/transfers/tr_1/cancel', post({}), accepted],
    ['/v1/transfers/{id}/reversal', '/v1/transfers/tr_1/reversal', post({}, KEY)],
    ['/v1/transfers/{id}/reversal', '/v1/transfers/tr_1/reversal', post({ amount: '5' }, KEY), accepted],
    [
      '/v1/transfers/{id}/reversal',
      '/v1/transfers/tr_1/reversal',
      post({}, KEY),
      errorOutcome('already_reversed'),
    ],
    ['/v1/transactions', '/v1/transactions', post(transaction, KEY)],
    ['/v1/transactions', '/v1/transactions', post(transaction, KEY), accepted],
    ['/v1/transactions', '/v1/transactions', post({}, KEY)],
    ['/v1/transactions/{id}', '/v1/transactions/tr_2'],
    ['/v1/transactions/{id}', '/v1/transactions/tr_1'],
    ['/v1/holds', '/v1/holds', post(holdBody, KEY)],
    ['/v1/holds', '/v1/holds', post(holdBody, KEY), accepted],
    ['/v1/holds', '/v1/holds', post(holdBody)],
    ['/v1/holds', '/v1/holds'],
    ['/v1/holds/{id}', '/v1/holds/hold_1'],
    ['/v1/holds/{id}', '/v1/holds/hold_2'],
    ['/v1/holds/{id}/capture', '/v1/holds/hold_1/capture', post({}, KEY)],
    [
      '/v1/holds/{id}/capture',
      '/v1/holds/hold_1/capture',
      post({}, KEY),
      errorOutcome('amount_exceeds_hold'),
    ],
    ['/v1/holds/{id}/void', '/v1/holds/hold_1/void', post({})],
    ['/v1/holds/{id}/void', '/v1/holds/hold_1/void', post({}), errorOutcome('hold_not_active')],
    ['/v1/holds/{id}/extend', '/v1/holds/hold_1/extend', post({ expires_in_seconds: 60 })],
    ['/v1/holds/{id}/extend', '/v1/holds/hold_1/extend', post({ expires_in_seconds: 60 }), accepted],
    ['/v1/bulk-transfers', '/v1/bulk-transfers', post({ transfers: [body] }, KEY)],
    ['/v1/bulk-transfers', '/v1/bulk-transfers', post({ transfers: [] }, KEY)],
    ['/v1/bulk-transfers/{id}', '/v1/bulk-transfers/bulk_1'],
    ['/v1/bulk-transfers/{id}', '/v1/bulk-transfers/bulk_1', {}, { bulks: bulkOfTen(2) }],
    ['/v1/bulk-transfers/{id}/results', '/v1/bulk-transfers/bulk_1/results'],
    ['/v1/bulk-transfers/{id}/results', '/v1/bulk-transfers/bulk_1/results', {}, { bulks: bulkOfTen(2) }],
    ['/v1/schedules', '/v1/schedules', post(schedule, KEY)],
    ['/v1/schedules', '/v1/schedules', post(schedule)],
    ['/v1/schedules', '/v1/schedules'],
    ['/v1/schedules/{id}', '/v1/schedules/sch_1'],
    ['/v1/schedules/{id}', '/v1/schedules/sch_2'],
    ['/v1/schedules/{id}/pause', '/v1/schedules/sch_1/pause', post({ reason: 'over' })],
    ['/v1/schedules/{id}/resume', '/v1/schedules/sch_1/resume', { method: 'POST' }],
    ['/v1/schedules/{id}/trigger', '/v1/schedules/sch_1/trigger', post({})],
    ['/v1/schedules/{id}/trigger', '/v1/schedules/sch_1/trigger', post({}), accepted],
    ['/v1/webhooks', '/v1/webhooks', post(webhookBody, KEY)],
    ['/v1/webhooks', '/v1/webhooks', post({})],
    ['/v1/webhooks', '/v1/webhooks'],
    ['/v1/webhooks', '/v1/webhooks?cursor=x'],
    ['/v1/webhooks/{id}', '/v1/webhooks/wh_1'],
    ['/v1/webhooks/{id}', '/v1/webhooks/wh_2'],
    ['/v1/webhooks/{id}', '/v1/webhooks/wh_1', { ...post({ status: 'disabled' }), method: 'PATCH' }],
    ['/v1/webhooks/{id}/deliveries', '/v1/webhooks/wh_1/deliveries'],
    ['/v1/webhooks/{id}/deliveries/{event}/redeliver', '/v1/webhooks/wh_1/deliveries/5/redeliver', post({})],
    ['/v1/webhooks/{id}/deliveries/{event}/redeliver', '/v1/webhooks/wh_1/deliveries/x/redeliver', post({})],
    ['/v1/events', '/v1/events'],
    ['/v1/events', '/v1/events?cursor=x'],
    ['/healthz', '/healthz'],
    ['/readyz', '/readyz'],
    ['/readyz', '/readyz', {}, away],
    ['/metrics', '/metrics'],
    ['/openapi.json', '/openapi.json'],
    ['/docs', '/docs'],
    ['/docs/{file}', '/docs/setup.js'],
    ['/docs/{file}', '/docs/other.js'],
  ])('%s: %s', async (...[path, url, init = {}, given = {}]) => {
    const schedules = memorySchedules({ created: ['sch_1'], started: [started] });
    const over = testApp({
      schedules,
      webhooks: memoryWebhooks(['wh_1']),
      readStore: store,
      events: eventReader([deposited(3)]),
      ...given,
    });
    const response = await over.app.request(url, init);
    const operation = document.paths[path]?.[(init.method ?? 'GET').toLowerCase()];
    const described = operation?.responses[response.status];
    expect(Object.keys(operation?.responses ?? {})).toContain(String(response.status));
    const type = response.headers.get('content-type')?.split(';')[0] ?? '';
    const media = described?.content?.[type] ?? described?.content?.['*/*'];
    expect({ type, media }).toEqual({ type, media: expect.anything() });
    const result: unknown = type.endsWith('json') ? await response.json() : await response.text();
    expect(mistakes(media?.schema ?? {}, result)).toEqual([]);
    // A 202 says how far the ledger is, or that nobody waited.
    const optional = response.status === 202 ? WHERE_ASKED_FOR : SOMETIMES;
    const headers = Object.keys(described?.headers ?? {}).filter((name) => !optional.test(name));
    expect(headers.filter((name) => !response.headers.has(name))).toEqual([]);
  });
});

function change(headers: Record<string, string>): RequestInit {
  return { ...post({ overdraft_limit: '500' }, headers), method: 'PATCH' };
}

function errorOutcome(code: RejectionCode) {
  return { outcome: { type: 'error', rejection: { code, detail: 'Why.' } } } as const;
}
