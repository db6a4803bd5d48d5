/** Values that a JSON schema of the OpenAPI document allows, and values that it nearly allows. */
import fc from 'fast-check';

/** What the document uses of JSON Schema. */
export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly propertyNames?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly example?: unknown;
};

export type Schemas = Readonly<Record<string, Schema>>;

/** Texts that have broken something somewhere. */
export const AWKWARD_TEXTS = [
  '',
  ' ',
  '\0',
  '\r\nX-Injected: 1',
  '\ud800',
  '\udc00\ud800',
  '\uffff',
  '\ufeff',
  '\u202e\u0645\u0631',
  'e\u0301',
  '\u{1d49c}'.repeat(128),
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
  'x'.repeat(10_000),
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '%00',
  '%s%n',
  '$where',
  "' OR 1=1; --",
  '*.>',
  '=1+1',
  '-0',
  '1e309',
  '9'.repeat(400),
] as const;

const text = fc.oneof(
  fc.constantFrom(...AWKWARD_TEXTS),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
);

/** Any JSON, most of it awkward. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.constantFrom(null, true, 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, '0', [], {}),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Values that a schema allows, as far as it tells: what else is asked of them stands in no schema. */
export function allowedBy(schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
  const { $ref, anyOf = schema.oneOf, allOf } = schema;
  const inner = (part: Schema) => allowedBy(part, schemas);
  if ($ref !== undefined) return inner(schemas[$ref.split('/').at(-1) ?? ''] ?? {});
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (anyOf) return fc.oneof(...anyOf.map(inner));
  if (allOf) return fc.tuple(...allOf.map(inner)).map((parts) => Object.assign({}, ...parts) as unknown);
  const types = [schema.type ?? 'any'].flat();
  return fc.oneof(...types.map((type) => ofType(type, schema, inner)));
}

function ofType(
  type: string,
  schema: Schema,
  inner: (part: Schema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const { minimum = 0, maximum = 1_000_000, items = {}, minItems = 0, maxItems = 5 } = schema;
  switch (type) {
    case 'string':
      return stringOf(schema);
    case 'integer':
    case 'number':
      return fc.integer({ min: Math.max(minimum, -1e9), max: Math.min(maximum, 1e9) });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(inner(items), { minLength: minItems, maxLength: Math.min(maxItems, minItems + 4) });
    case 'object':
      return objectOf(schema, inner);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function stringOf({
  pattern,
  format,
  minLength = 0,
  maxLength = 50,
  example,
}: Schema): fc.Arbitrary<unknown> {
  // What else is asked of a text may stand in no schema; the example has it.
  const examples = typeof example === 'string' ? [{ weight: 6, arbitrary: fc.constant(example) }] : [];
  if (format === 'date-time') {
    const date = fc.date({ min: new Date(0), max: new Date('2035-01-01'), noInvalidDate: true });
    return fc.oneof(
      ...examples,
      date.map((at) => at.toISOString()),
    );
  }
  const matching = pattern === undefined ? undefined : matchingOf(pattern);
  if (matching !== undefined) return fc.oneof(...examples, matching);
  return fc.oneof(
    ...examples,
    fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 50) }),
  );
}

/** Undefined for a pattern of which fast-check can make no texts: then the example has to do. */
function matchingOf(pattern: string): fc.Arbitrary<string> | undefined {
  if (pattern.includes('(?=') || pattern.includes('(?!')) return undefined;
  return fc.stringMatching(new RegExp(pattern, 'u'));
}

function objectOf(
  { properties = {}, required = [], additionalProperties = false, propertyNames = {} }: Schema,
  inner: (part: Schema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(([name, part]) => [name, inner(part)] as const);
  const named = fc.record(Object.fromEntries(fields), { requiredKeys: [...required] });
  if (typeof additionalProperties === 'boolean') return named;
  const key = inner({ type: 'string', pattern: '^[a-z][a-z0-9_.-]{0,9}$', ...propertyNames }).map(String);
  const more = fc.dictionary(key, inner(additionalProperties), { maxKeys: 4 });
  return fc.tuple(named, more).map(([known, others]) => ({ ...others, ...known }));
}

/** The same with one thing in it gone wrong: another value, one too many, or one missing. */
export function nearly(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(value, fc.infiniteStream(fc.nat(5)), junk, fc.constantFrom('other', 'more', 'less'))
    .map(([whole, turns, wrong, how]) => gone(whole, turns, { wrong, how }));
}

function gone(
  value: unknown,
  turns: Iterator<number>,
  { wrong, how }: { wrong: unknown; how: string },
): unknown {
  if (typeof value !== 'object' || value === null) return wrong;
  const names = Object.keys(value);
  const at = names[(turns.next().value as number) % Math.max(1, names.length)];
  const deeper = (turns.next().value as number) % 3 > 0;
  if (at === undefined || (!deeper && how === 'more')) {
    // As JSON.parse does it, `__proto__` is a field like others.
    return { ...value, ...(JSON.parse(`{"__proto__":1,"constructor":2}`) as object), unknown: wrong };
  }
  if (!deeper && how === 'less') {
    return Array.isArray(value) ? value.slice(1) : { ...value, [at]: undefined };
  }
  const changed = deeper ? gone(Reflect.get(value, at), turns, { wrong, how }) : wrong;
  return Array.isArray(value)
    ? value.map((item, index) => (String(index) === at ? changed : (item as unknown)))
    : { ...value, [at]: changed };
}
