/** Requests of every route of an OpenAPI document: valid ones, such as are nearly valid, and garbage. */
import fc from 'fast-check';
import { allowedBy, AWKWARD_TEXTS, junk, nearly, type Schema, type Schemas } from './schema-arbitrary.ts';

type Parameter = { readonly name: string; readonly in: string; readonly schema: Schema };

export type Route = {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly bodies: Readonly<Record<string, Schema>>;
  /** The statuses that it may answer. */
  readonly statuses: readonly string[];
};

export type FuzzedRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

type Operation = {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, unknown>>;
};

export type OpenApi = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
};

/** All that the document describes. */
export function routesOf({ paths }: OpenApi): Route[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody, responses }]) => ({
      method: method.toUpperCase(),
      path,
      parameters,
      bodies: Object.fromEntries(
        Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => [type, schema]),
      ),
      statuses: Object.keys(responses),
    })),
  );
}

/**
 * Requests of a route.
 * @param ids of things that are there
 */
export function requestsOf(
  { method, path, parameters, bodies }: Route,
  { schemas, ids }: { schemas: Schemas; ids: readonly string[] },
): fc.Arbitrary<FuzzedRequest> {
  const valueOf = ({ name, in: place, schema }: Parameter): fc.Arbitrary<string> => {
    const allowed = allowedBy(schema, schemas).map((value) =>
      isText(value) ? String(value) : JSON.stringify(value),
    );
    // A position that is never reached would be waited for.
    if (name === 'min_position') return fc.oneof(fc.constantFrom('1', '0', '-1', '1e3'), awkward);
    if (name === 'Idempotency-Key') return fc.oneof({ weight: 8, arbitrary: fc.uuid() }, allowed, awkward);
    if (name === 'Prefer') return fc.oneof(fc.constantFrom('respond-async', 'wait=1'), awkward);
    if (place === 'path')
      return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...ids) }, allowed, awkward);
    return fc.oneof({ weight: 3, arbitrary: allowed }, awkward);
  };
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const others = parameters.filter((parameter) => parameter.in !== 'path');
  const values = (some: readonly Parameter[]) =>
    Object.fromEntries(some.map((parameter) => [parameter.name, valueOf(parameter)]));
  const given = fc.record(values(others), { requiredKeys: [] });
  return fc
    .tuple(fc.record(values(inPath)), given, fc.uuid(), bodyOf(bodies, { schemas, ids }))
    .map(([names, some, key, { type, body }]) => {
      const named = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encode(names[name] ?? ''));
      const query = others.flatMap(({ name, in: place }) => {
        const value = some[name];
        return place !== 'query' || value === undefined ? [] : [`${encode(name)}=${encode(value)}`];
      });
      const headers = others.flatMap(({ name, in: place }) => {
        const value = name === 'Idempotency-Key' ? (some[name] ?? key) : some[name];
        return place !== 'header' || value === undefined ? [] : [[name, asHeader(value)] as const];
      });
      return {
        method,
        path: query.length === 0 ? named : `${named}?${query.join('&')}`,
        headers: { ...Object.fromEntries(headers), ...(type === '' ? {} : { 'content-type': type }) },
        ...(body === undefined ? {} : { body }),
      };
    });
}

const awkward = fc.oneof(fc.constantFrom(...AWKWARD_TEXTS), fc.string({ unit: 'binary', maxLength: 30 }));

const isText = (value: unknown) => typeof value !== 'object';

function bodyOf(
  bodies: Route['bodies'],
  { schemas, ids }: { schemas: Schemas; ids: readonly string[] },
): fc.Arbitrary<{ type: string; body: string | undefined }> {
  const types = Object.keys(bodies);
  if (types.length === 0) return fc.constant({ type: '', body: undefined });
  return fc.constantFrom(...types).chain((type) => {
    const valid = allowedBy(bodies[type] ?? {}, schemas).chain((value) => withIds(value, ids));
    const lines = type.includes('ndjson');
    const written = (value: unknown) => (lines && typeof value === 'string' ? value : JSON.stringify(value));
    const body = fc.oneof(
      { weight: 4, arbitrary: valid.map(written) },
      { weight: 4, arbitrary: nearly(valid).map(written) },
      { weight: 1, arbitrary: junk.map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
      { weight: 1, arbitrary: fc.constantFrom('', '{', '[['.repeat(50_000), `{"a":`.repeat(20_000)) },
    );
    const typed = fc.oneof({ weight: 12, arbitrary: fc.constant(type) }, fc.constantFrom('', 'text/plain'));
    return fc.record({ type: typed, body });
  });
}

/** Its accounts are such as are there, mostly. */
function withIds(value: unknown, ids: readonly string[]): fc.Arbitrary<unknown> {
  return fc.infiniteStream(fc.constantFrom(...ids, 'nobody')).map((stream) => {
    const next = () => stream.next().value as string;
    const text = JSON.stringify(value, (name, inner: unknown) =>
      ['account', 'source', 'destination'].includes(name) && typeof inner === 'string' ? next() : inner,
    );
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  });
}

/** What cannot be written as a path or a query at all is written as the nearest that can. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).slice(0, 3_000);
}

/** What no client could send in a header is left out. */
function asHeader(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '').slice(0, 3_000);
}
