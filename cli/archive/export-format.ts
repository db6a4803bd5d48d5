/**
 * The lines of an export. The first one names the ledger, one follows for each event, and the last one tells how many
 * there are. Each ends with a checksum over itself and the checksum before it, so that a line which was changed, left
 * out or moved is found where it happened, and an export can go on after its last whole line.
 */
import { createHash, hash } from 'node:crypto';
import { batchOf, type StoredMessage } from '../../eventlog/wire/codec.ts';

export const FORMAT = 'tallybook-export';
export const FORMAT_VERSION = 1;

const FIRST_CHECKSUM = '0'.repeat(64);
const CHECKSUM = /,"checksum":"([0-9a-f]{64})"\}$/;

/** Headers that the server sets with each append; in an import they would be others. */
const OF_SERVER = /^Nats-/;

/** The file is not what `export` has written, or the log cannot be written as one. */
export class BrokenExport extends Error {
  override readonly name = 'BrokenExport';
}

/** What the lines so far come to. */
export class Tally {
  checksum = FIRST_CHECKSUM;
  /** The position of the last event; so many there are. */
  position = 0;
  /** The hash of the last event. */
  hash = '';
  readonly #digest = createHash('sha256');

  /** Whether the first line is there. */
  get begun(): boolean {
    return this.checksum !== FIRST_CHECKSUM;
  }

  /** SHA-256 over the hashes of all events, as `verify` prints it. */
  get digest(): string {
    return this.#digest.copy().digest('hex');
  }

  add({ seq, headers }: StoredMessage): void {
    this.position = seq;
    this.hash = headers.get('ce-hash') ?? '';
    this.#digest.update(this.hash);
  }

  /** Closes a line. @param body a JSON object without its last brace */
  seal(body: string): string {
    this.checksum = hash('sha256', `${this.checksum}\n${body}`);
    return `${body},"checksum":"${this.checksum}"}\n`;
  }

  /** The body of a line without line feed, if its checksum continues this one. */
  unseal(line: string): string | undefined {
    const found = CHECKSUM.exec(line);
    if (!found) return undefined;
    const body = line.slice(0, found.index);
    const checksum = hash('sha256', `${this.checksum}\n${body}`);
    if (checksum !== found[1]) return undefined;
    this.checksum = checksum;
    return body;
  }
}

export function firstLine(tally: Tally, ledger: string): string {
  return tally.seal(`{"format":"${FORMAT}","version":${FORMAT_VERSION},"ledger":${JSON.stringify(ledger)}`);
}

export function eventLine(tally: Tally, message: StoredMessage): string {
  if (message.seq !== tally.position + 1) {
    throw new BrokenExport(`The log has nothing at position ${tally.position + 1}. "verify" says more.`);
  }
  tally.add(message);
  const headers: Record<string, string> = {};
  for (const [name, value] of message.headers) {
    if (!OF_SERVER.test(name)) headers[name] = value;
  }
  const batch = batchOf(message.headers);
  const parts = [
    `{"position":${message.seq}`,
    `"subject":${JSON.stringify(message.subject)}`,
    `"headers":${JSON.stringify(headers)}`,
    ...(batch ? [`"batch":${JSON.stringify(batch)}`] : []),
    dataPart(message.data),
  ];
  return tally.seal(parts.join(','));
}

/** Leaves the tally as it was: when more events follow later, their lines take the place of this one. */
export function lastLine(tally: Tally): string {
  const { checksum, position, digest } = tally;
  const line = tally.seal(`{"end":${JSON.stringify({ events: position, position, digest })}`);
  tally.checksum = checksum;
  return line;
}

/** JSON as it is, if it comes out byte for byte when it is read and written again. */
function dataPart(data: Uint8Array): string {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  const text = bytes.toString();
  return isPlain(text) && Buffer.byteLength(text) === bytes.length && Buffer.from(text).equals(bytes)
    ? `"data":${text}`
    : `"data_base64":"${bytes.toString('base64')}"`;
}

function isPlain(text: string): boolean {
  if (!text.startsWith('{')) return false;
  try {
    return JSON.stringify(JSON.parse(text)) === text;
  } catch {
    return false;
  }
}
