/** What subscribers are promised, as they have it: the files in `docs/events`, and a Tallybook's `/asyncapi.json`. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

/** A message of a stream or a subscription. `position` is where its consumer says that it stands. */
export type Received = {
  readonly subject: string;
  readonly position: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: string;
};

type Consumer = { stream_name: string; config: Record<string, string> };
export type AsyncApiDocument = {
  channels: Record<string, { address: string; messages: object }>;
  operations: Record<string, { 'x-jetstream-consumer': Consumer }>;
  components: {
    messages: Record<string, { name: string }>;
    schemas: Record<string, { properties: Record<string, object> }>;
  };
  'x-jetstream': { stream: string; subject: string };
};

export type EventContract = {
  readonly document: AsyncApiDocument;
  /** The event's name, and all that is wrong with the message. */
  readonly check: (
    message: Received,
    how: 'stored' | 'live',
  ) => { name: string | undefined; faults: string[] };
};

const FOLDER = new URL('../../../docs/events/', import.meta.url);

export async function eventContract(url: string): Promise<EventContract> {
  const document = (await (await fetch(`${url}/asyncapi.json`)).json()) as AsyncApiDocument;
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ ...document, $id: 'asyncapi' });
  const files = await dataSchemas(ajv);
  const documented = new Set(Object.keys(document.components.schemas['EventHeaders']?.properties ?? {}));
  const live = ajv.compile({ $ref: 'asyncapi#/components/schemas/LiveHeaders' });
  const ofMessage = new Map(
    Object.keys(document.components.messages).map((name) => [
      name,
      ajv.compile({ $ref: `asyncapi#/components/messages/${name}/headers` }),
    ]),
  );
  return {
    document,
    check(message, how) {
      const { subject, headers, data } = message;
      const found = channelsOf(document, subject);
      const [channel] = found;
      if (channel === undefined || found.length > 1)
        return { name: undefined, faults: [`${subject}: ${found.length} channels`] };
      const { name, parameters } = channel;
      const type = document.components.messages[name]?.name ?? '';
      const schemas = files.get(type);
      const faults = [
        ...mistakes(ofMessage.get(name), headers, 'headers'),
        ...(how === 'live' ? mistakes(live, headers, 'headers') : []),
        ...Object.keys(headers)
          .filter((header) => !documented.has(header))
          .map((header) => `${header} is in no schema`),
        ...differing('ce-type', headers['ce-type'], type),
        ...differing('ce-subject', headers['ce-subject'], parameters['id']),
        ...differing('ce-source', headers['ce-source'], `/ledgers/${parameters['ledger']}`),
        ...differing('ce-hash', headers['ce-hash'], hashOf(message)),
        ...(how === 'live' ? differing('Nats-Subject', headers['Nats-Subject'], subject) : []),
        ...(how === 'live'
          ? differing('Nats-Sequence', headers['Nats-Sequence'], `${message.position}`)
          : []),
        ...mistakes(schemas?.open, parsed(data), 'data'),
        ...mistakes(schemas?.closed, parsed(data), 'data, nothing undocumented'),
      ];
      return { name, faults };
    },
  };
}

/** By CloudEvents type: the schema of the file as it is, and one that takes no field which the file does not name. */
async function dataSchemas(
  ajv: Ajv,
): Promise<Map<string, { open: ValidateFunction; closed: ValidateFunction }>> {
  const schemas = new Map<string, { open: ValidateFunction; closed: ValidateFunction }>();
  for (const file of await readdir(FOLDER)) {
    if (!file.endsWith('.json')) continue;
    const text = await readFile(new URL(file, FOLDER), 'utf8');
    const { $id, ...schema } = JSON.parse(text) as { $id: string };
    const pair = { open: ajv.compile({ $id, ...schema }), closed: ajv.compile(closed(schema) as object) };
    schemas.set(`ledger.${file.replace('.json', '')}`, pair);
  }
  return schemas;
}

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [
    key,
    key === 'examples' ? value : closed(value),
  ]);
  const made = Object.fromEntries(entries) as Record<string, unknown>;
  return made['type'] === 'object' && 'properties' in made ? { additionalProperties: false, ...made } : made;
}

type Found = { name: string; parameters: Record<string, string> };

/** The channels that a subject is an address of, with the values of the parameters. */
function channelsOf(document: AsyncApiDocument, subject: string): Found[] {
  return Object.entries(document.channels).flatMap(([name, { address }]) => {
    const pattern = address
      .replaceAll('.', String.raw`\.`)
      .replaceAll(/\{(\w+)\}/g, '(?<$1>[A-Za-z0-9][A-Za-z0-9_-]{0,63})');
    const match = new RegExp(`^${pattern}$`).exec(subject);
    return match ? [{ name, parameters: { ...match.groups } }] : [];
  });
}

function mistakes(validate: ValidateFunction | undefined, value: unknown, what: string): string[] {
  if (!validate) return [`${what}: no schema`];
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${what}${instancePath} ${message}`);
}

function differing(what: string, is: string | undefined, should: string | undefined): string[] {
  return is === should ? [] : [`${what} is ${is}, not ${should}`];
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return undefined;
  }
}

/** As `docs/subscribing.md` says it is made; not by the code that makes it. */
const HASHED =
  'ce-specversion ce-id ce-source ce-type ce-subject ce-time datacontenttype ce-workflowid ce-actor ' +
  'ce-idempotencykey ce-fingerprint traceparent ce-version ce-prevhash ce-after';

function hashOf({ subject, headers, data }: Received): string {
  const values = [subject, ...HASHED.split(' ').map((name) => headers[name] ?? '')];
  return createHash('sha256')
    .update(`${JSON.stringify(values)}\n${data}`)
    .digest('hex');
}
