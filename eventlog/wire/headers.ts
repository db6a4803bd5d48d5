/**
 * NATS headers, written and read in one pass. The client's own (nats-core 3.4) search all names for every access: that
 * was half of the time of an append, and three quarters of a read's.
 */
import type { MsgHdrs } from '@nats-io/transport-node';

const FIRST_LINE = 'NATS/1.0\r\n';
const BLANK_LINE = '\r\n\r\n';
const LINE_FEED = 10;

/** One header as it goes over the wire. The value has no line breaks: one would begin another header. */
export function headerLine(name: string, value: string): string {
  return `${name}: ${value}\r\n`;
}

/** Header lines as the client's publish takes them: it asks for their bytes and for nothing else. */
export function toHeaders(lines: string): MsgHdrs {
  return { encode: () => Buffer.from(`${FIRST_LINE}${lines}\r\n`) } as unknown as MsgHdrs;
}

/** Headers by name; of one that is there twice, the first counts. */
export type Headers = Pick<ReadonlyMap<string, string>, 'get' | 'has'> & Iterable<[string, string]>;

/** The headers of a message. */
export function readHeaders(message: { data: Uint8Array; headers?: MsgHdrs | undefined }): Headers {
  const text = headerText(message.data);
  if (text !== undefined) return new HeaderText(text);
  const found = new Map<string, string>();
  for (const [name, values] of message.headers ?? []) found.set(name, values[0] ?? '');
  return found;
}

/** The headers of a message as the JetStream API gives them, in base64. */
export function headersOf(base64: string): Headers {
  return new HeaderText(Buffer.from(base64, 'base64').toString('utf8'));
}

/** What a header's line begins with, by its name: making it anew each time would cost more than the search. */
const LINE_STARTS = new Map<string, string>();

function lineStart(name: string): string {
  const known = LINE_STARTS.get(name);
  if (known !== undefined) return known;
  const start = `\r\n${name}:`;
  LINE_STARTS.set(name, start);
  return start;
}

/** Headers as they came. Only those that are asked for are taken out of the text. */
class HeaderText implements Headers {
  readonly #text: string;
  /** Headers come in the order in which they were written, and are mostly asked for in it. */
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get(name: string): string | undefined {
    const start = this.#find(name);
    if (start < 0) return undefined;
    const end = this.#text.indexOf('\r\n', start);
    this.#at = end;
    // One space is what everybody writes.
    return this.#text.slice(this.#text.startsWith(' ', start) ? start + 1 : start, end);
  }

  has(name: string): boolean {
    return this.#find(name) >= 0;
  }

  *[Symbol.iterator](): Generator<[string, string]> {
    const seen = new Set<string>();
    for (const line of this.#text.split('\r\n').slice(1)) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon);
      if (colon < 0 || seen.has(name)) continue;
      seen.add(name);
      yield [name, line.slice(colon + 1).trim()];
    }
  }

  /** Where the value of a header begins; -1 if it is not there. */
  #find(name: string): number {
    const line = lineStart(name);
    if (this.#text.startsWith(line, this.#at)) return this.#at + line.length;
    const found = this.#text.indexOf(line);
    return found < 0 ? -1 : found + line.length;
  }
}

/**
 * The text of a message's headers. The client keeps it right before the data in the same memory, as it came, but does
 * not promise to: where it is not so this gives undefined, and the client's own headers have to do.
 */
function headerText(data: Uint8Array): string | undefined {
  const before = Buffer.from(data.buffer, 0, data.byteOffset);
  if (before.toString('latin1', Math.max(0, before.length - BLANK_LINE.length)) !== BLANK_LINE)
    return undefined;
  const start = before.lastIndexOf(FIRST_LINE, undefined, 'latin1');
  // Elsewhere than at the beginning of a line it is the end of a header's value.
  if (start < 0 || (start > 0 && before[start - 1] !== LINE_FEED)) return undefined;
  return before.toString('utf8', start);
}
