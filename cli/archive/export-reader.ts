/** Reads the lines of an export, and refuses the first one that is not as it was written. */
import { z } from 'zod';
import type { StoredMessage } from '../../eventlog/wire/codec.ts';
import { BrokenExport, FORMAT, FORMAT_VERSION, Tally } from './export-format.ts';

const firstLine = z.object({
  format: z.literal(FORMAT),
  version: z.literal(FORMAT_VERSION),
  ledger: z.string(),
});

const eventLine = z
  .object({
    position: z.number().int(),
    subject: z.string(),
    headers: z.record(z.string(), z.string()),
    batch: z.object({ id: z.string(), sequence: z.number().int(), last: z.boolean() }).optional(),
    // Not looked into: a copy might come out in another order.
    data: z.custom<object>((data) => typeof data === 'object' && data !== null).optional(),
    data_base64: z.base64().optional(),
  })
  .refine(({ data, data_base64 }) => (data === undefined) !== (data_base64 === undefined));

const lastLine = z.object({
  end: z.object({ events: z.number(), position: z.number(), digest: z.string() }),
});

/** What a line is. The checksum has held, so anything else than these was never written by an export. */
const anyLine = z.union([eventLine, lastLine, firstLine]);

type EventLine = z.infer<typeof eventLine>;

export class ExportReader {
  readonly tally = new Tally();
  #ledger: string | undefined;
  #ended = false;
  #lines = 0;

  /** The ledger that was exported; known after the first line. */
  get ledger(): string | undefined {
    return this.#ledger;
  }

  /** Whether the last line has been read: nothing is missing. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Takes the next line, without its line feed.
   * @returns the event, if it is one
   * @throws BrokenExport that names the line
   */
  read(line: string): StoredMessage | undefined {
    this.#lines += 1;
    if (this.#ended) throw this.#broken('comes after the end');
    const { checksum } = this.tally;
    const body = this.tally.unseal(line);
    if (body === undefined) {
      const why = this.#lines === 1 ? 'is not the first one of an export' : 'does not fit its checksum';
      throw this.#broken(`${why}: it was changed, or lines before it were`);
    }
    const parsed = anyLine.safeParse(JSON.parse(`${body}}`));
    if (!parsed.success) throw this.#broken('is none of an export');
    if ('format' in parsed.data) return this.#first(parsed.data.ledger);
    if (this.#ledger === undefined) throw this.#broken('is not the first one of an export');
    if ('end' in parsed.data) return this.#end(parsed.data.end, checksum);
    return this.#event(parsed.data);
  }

  #first(ledger: string): undefined {
    if (this.#lines > 1) throw this.#broken('begins an export anew');
    this.#ledger = ledger;
  }

  #event(line: EventLine): StoredMessage {
    const due = this.tally.position + 1;
    if (line.position !== due) throw this.#broken(`has position ${line.position}, where ${due} is due`);
    const message = messageOf(line);
    this.tally.add(message);
    return message;
  }

  #end(end: z.infer<typeof lastLine>['end'], checksum: string): undefined {
    const { position, digest } = this.tally;
    if (end.events !== position || end.position !== position || end.digest !== digest) {
      throw this.#broken('does not fit the events before it');
    }
    this.#ended = true;
    // As it was before: an export that goes on writes over this line.
    this.tally.checksum = checksum;
  }

  #broken(why: string): BrokenExport {
    return new BrokenExport(`Line ${this.#lines} of the export ${why}.`);
  }
}

function messageOf({ position, subject, headers, batch, data, data_base64 }: EventLine): StoredMessage {
  const all = new Map(Object.entries(headers));
  if (batch) {
    all.set('Nats-Batch-Id', batch.id).set('Nats-Batch-Sequence', String(batch.sequence));
    if (batch.last) all.set('Nats-Batch-Commit', '1');
  }
  const bytes =
    data === undefined ? Buffer.from(data_base64 ?? '', 'base64') : Buffer.from(JSON.stringify(data));
  return { subject, seq: position, headers: all, data: bytes };
}
