/** Filters by metadata, as `?metadata.order=42`. Their names are the client's own, so no route's schema lists them. */
import { metadata } from '../../contracts/values.ts';
import { invalidRequest, type FieldError } from '../http/problem.ts';
import { fieldErrors } from '../http/validation.ts';

const PREFIX = 'metadata.';

/** Each is one more thing to look up for every row. */
export const METADATA_FILTERS_MAX = 5;

/**
 * What a query asks of metadata: values that must all be there. Other parameters are none of its business.
 * @throws ProblemError for a key or a value that no metadata can have, a key given twice, or too many of them.
 */
export function metadataFilter(queries: Readonly<Record<string, readonly string[]>>): Record<string, string> {
  const filters = Object.entries(queries).filter(([name]) => name.startsWith(PREFIX));
  const errors = filters.flatMap(([name, values]) => mistakesIn(name, values));
  if (filters.length > METADATA_FILTERS_MAX) {
    errors.push({ path: 'metadata', message: `must have at most ${METADATA_FILTERS_MAX} filters` });
  }
  if (errors.length > 0) throw invalidRequest(...errors);
  return Object.fromEntries(filters.map(([name, [value = '']]) => [name.slice(PREFIX.length), value]));
}

function mistakesIn(name: string, values: readonly string[]): FieldError[] {
  if (values.length > 1) return [{ path: name, message: 'must be given once' }];
  const key = metadata.keyType.safeParse(name.slice(PREFIX.length));
  const value = metadata.valueType.safeParse(values[0]);
  const issues = [...(key.error?.issues ?? []), ...(value.error?.issues ?? [])];
  return fieldErrors(issues.map((issue) => ({ ...issue, path: [name] })));
}

/** How the filter is described: an object of which each field is a parameter of its own. */
export function metadataParameter(things: string): MetadataParameter {
  return {
    name: 'metadata',
    in: 'query',
    required: false,
    style: 'form',
    explode: true,
    description:
      `\`metadata.<key>=<value>\`: only ${things} with this value in their metadata. ` +
      `Up to ${METADATA_FILTERS_MAX} filters, which must all match.`,
    schema: {
      type: 'object',
      maxProperties: METADATA_FILTERS_MAX,
      propertyNames: { pattern: '^metadata\\.[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$' },
      additionalProperties: { type: 'string', maxLength: 500 },
      // Else the docs page would make one up, and send it along.
      default: {},
    },
  };
}

type MetadataParameter = {
  name: string;
  in: 'query';
  required: boolean;
  style: 'form';
  explode: boolean;
  description: string;
  schema: {
    type: 'object';
    maxProperties: number;
    propertyNames: { pattern: string };
    additionalProperties: { type: 'string'; maxLength: number };
    default: object;
  };
};
