/**
 * Every NATS name that Tallybook uses is built and taken apart here, and nowhere else.
 *
 *   append.<ledger>.<aggregate>.<id>.<event>            where the worker publishes; the stream listens here
 *   ledger.<ledger>.<aggregate>.<id>.<event>            where the server stores and republishes what it accepted
 *   receipt.<ledger>.command.<receipt id>.recorded      the result of a command that makes no transfer; stored, not republished
 *   position.<ledger>.<projection>                      a projector tells how far its read model is
 *   writer.<ledger>.active                              who is the active writer, again with every renewal of its lease
 *   writer.<ledger>.commands.<writer id>                where the other workers hand it their commands
 *   bulk.<ledger>.<bulk id>.manifest                    a bulk is there; stored in a stream of its own, not republished
 *   bulk.<ledger>.<bulk id>.lines.<n>                   its lines, in chunks from 0
 *   bulk.<ledger>.<bulk id>.results.<n>                 what became of the lines of a chunk
 *   readers.CONSUMER.CREATE.<stream>.<consumer>         where readers ask for consumers on the log
 *   webhook.<ledger>.<webhook id>.disabled              a webhook was disabled because it failed; readers hear it
 *   webhook.<ledger>.<webhook id>.delivery.<position>.<event id>   what became of an event that was to be delivered
 *   webhook.<ledger>.<webhook id>.redelivery.<position>      an event is to be delivered again
 *   webhook.<ledger>.<webhook id>.floor                 up to where all is settled
 */

export const AGGREGATES = ['account', 'transfer', 'hold'] as const;

export type Aggregate = (typeof AGGREGATES)[number] | 'command';

/** An aggregate of one ledger. */
export type AggregateRef<A extends Aggregate = Aggregate> = { readonly aggregate: A; readonly id: string };

/** Ids are one subject token: no dots, wildcards or spaces (NATS ADR-6). */
export const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The JetStream stream of a ledger. */
export function streamName(ledger: string): string {
  return `LEDGER_${ledger}`;
}

export function isLogStream(name: string): boolean {
  return name.startsWith(streamName(''));
}

/** Where readers ask for consumers, before stream, name and filter; deploy/nats.conf has it too. */
export const READERS_CREATE = 'readers.CONSUMER.CREATE';

/** Where the server is asked for one. @param tokens stream, and what else is in the subject: its name, and what it filters by */
export function serverCreateSubject(tokens: readonly string[]): string {
  return `$JS.API.CONSUMER.CREATE.${tokens.join('.')}`;
}

/** What the stream listens on, and how it renames and republishes what it stores. */
export function streamSubjects(ledger: string): {
  listens: string[];
  transform: { src: string; dest: string };
  facts: string;
} {
  return {
    listens: [`append.${ledger}.>`, `receipt.${ledger}.>`],
    transform: { src: `append.${ledger}.>`, dest: `ledger.${ledger}.>` },
    facts: `ledger.${ledger}.>`,
  };
}

function root(aggregate: Aggregate, facts: 'append' | 'ledger'): string {
  return aggregate === 'command' ? 'receipt' : facts;
}

/** Where the worker publishes an event. */
export function appendSubject(ledger: string, ref: AggregateRef, event: string): string {
  return `${root(ref.aggregate, 'append')}.${ledger}.${ref.aggregate}.${ref.id}.${event}`;
}

/** Where an event is stored, and where subscribers receive it. */
export function eventSubject(ledger: string, ref: AggregateRef, event: string): string {
  return `${root(ref.aggregate, 'ledger')}.${ledger}.${ref.aggregate}.${ref.id}.${event}`;
}

/** All events of one aggregate: the subject that guards it. */
export function aggregateSubject(ledger: string, ref: AggregateRef): string {
  return eventSubject(ledger, ref, '>');
}

/**
 * Whatever there is under an id, of any aggregate: the subject that guards what begins a transfer or is a receipt. Both have
 * their ids from a key, and a key stands for one thing.
 */
export function idSubject(ledger: string, id: string): string {
  return `*.${ledger}.*.${id}.>`;
}

/** Events of every aggregate, or those of one account or of one kind of event. */
export function factsSubject(
  ledger: string,
  filter: { account?: string | undefined; event?: { aggregate: string; token: string } | undefined } = {},
): string {
  const { account, event } = filter;
  if (account === undefined && event === undefined) return `ledger.${ledger}.>`;
  const aggregate = account === undefined ? (event?.aggregate ?? '*') : 'account';
  return `ledger.${ledger}.${aggregate}.${account ?? '*'}.${event?.token ?? '*'}`;
}

/** Where a projector tells the position that its read model has reached. */
export function positionSubject(ledger: string, projection: string): string {
  return `position.${ledger}.${projection}`;
}

/** The key-value bucket with the lease of a ledger's active writer: its key, and where NATS repeats what it stores. */
export function writerLease(ledger: string): {
  bucket: string;
  key: string;
  stored: string;
  repeated: string;
} {
  const bucket = `WRITERS_${ledger}`;
  return { bucket, key: 'active', stored: `$KV.${bucket}.active`, repeated: `writer.${ledger}.active` };
}

/** Where a writer takes the commands of the others while it is the active one. */
export function writerSubject(ledger: string, writer: string): string {
  return `writer.${ledger}.commands.${writer}`;
}

/**
 * The stream of the bulks of all ledgers. Its name is the same everywhere, so that one configuration of the server can
 * say who may read it.
 */
export const BULK_STREAM = { name: 'BULKS', subjects: ['bulk.>'] } as const;

/** A part of a bulk; `results.*` are the results of any of its chunks. */
export type BulkPart = 'manifest' | `lines.${number}` | `results.${number}` | 'results.*';

/** Where a part of a bulk is stored. */
export function bulkSubject(ledger: string, id: string, part: BulkPart): string {
  return `bulk.${ledger}.${id}.${part}`;
}

/** The key-value bucket of the webhooks of all ledgers; one name everywhere, as with the bulks. Secrets are in it. */
export const WEBHOOK_BUCKET = 'WEBHOOKS';

/** Where the stream of that bucket keeps the webhooks of a ledger; without one, those of all. */
export const webhookBucket = { stream: `KV_${WEBHOOK_BUCKET}`, keys: (ledger: string) => `${ledger}.*` };

export function webhookKey(ledger: string, id: string): string {
  return `${ledger}.${id}`;
}

/** The stream of what became of the deliveries of all webhooks. */
export const WEBHOOK_STREAM = { name: 'WEBHOOK_DELIVERIES', subjects: ['webhook.>'] } as const;

export type WebhookPart =
  'disabled' | 'floor' | 'redelivery.*' | `redelivery.${number}` | `delivery.${string}` | '>';

/** Where something about a webhook is stored. */
export function webhookSubject(ledger: string, id: string, part: WebhookPart): string {
  return `webhook.${ledger}.${id}.${part}`;
}

/**
 * What is kept of a ledger beside its log, and is worth a backup. Webhooks come last: whoever finds one finds up to where
 * it was settled. What was asked for again, or told of one that was disabled, is work and news, and not kept.
 */
export function besideLog(ledger: string): readonly { stream: string; subjects: string[] }[] {
  const settled = [webhookSubject(ledger, '*', 'floor'), webhookSubject(ledger, '*', 'delivery.>')];
  return [
    { stream: BULK_STREAM.name, subjects: [`bulk.${ledger}.>`] },
    { stream: WEBHOOK_STREAM.name, subjects: settled },
    { stream: webhookBucket.stream, subjects: [`$KV.${WEBHOOK_BUCKET}.${webhookBucket.keys(ledger)}`] },
  ];
}

/** An event's id as one token of a subject. */
export function eventToken(eventId: string): string {
  return eventId.replaceAll(/[^A-Za-z0-9_-]/g, '_');
}

/**
 * Takes a stored subject apart.
 * @throws Error for a subject that is not of this grammar.
 */
export function parseEventSubject(subject: string): AggregateRef & { ledger: string; event: string } {
  const [first, ledger, aggregate, id, event, ...rest] = subject.split('.');
  const known = first === 'receipt' ? aggregate === 'command' : AGGREGATES.some((name) => name === aggregate);
  if (!known || !ledger || !id || !event || rest.length > 0 || (first !== 'ledger' && first !== 'receipt')) {
    throw new Error(`Not the subject of a stored event: ${subject}`);
  }
  return { ledger, aggregate: aggregate as Aggregate, id, event };
}
