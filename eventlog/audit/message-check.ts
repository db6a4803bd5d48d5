/** Checks a message by itself: its hash, its headers, its subject and its data. */
import { EVENT_DATA, EVENT_SUBJECTS, parseEventType, type RecordedEvent } from '../../contracts/events.ts';
import { parseEventSubject } from '../../contracts/subjects.ts';
import { newestVersion } from '../../contracts/upcasters.ts';
import { decode, hashOf, HASHED_HEADERS, type StoredMessage } from '../wire/codec.ts';
import { AuditError } from './finding.ts';

/** Headers that belong to the event: the hash covers them, or is one of them. */
const OF_EVENTS = new Set<string>([...HASHED_HEADERS, 'ce-after', 'ce-hash']);
/** The server's own: the batch, the guards, and what it adds when a message is read. */
const OF_SERVER = /^Nats-/;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/**
 * The event that the message is.
 * @throws AuditError if the message is not what this ledger can have stored
 */
export function checkMessage(message: StoredMessage, ledger: string): RecordedEvent {
  const subject = subjectOf(message, ledger);
  const { headers } = message;
  // First of all: whatever else may be wrong, an alteration is what a person has to hear of.
  if (headers.get('ce-hash') !== hashOf(message)) {
    throw new AuditError('hash', 'its hash is not that of its content: it was altered after it was appended');
  }
  const type = typeOf(headers.get('ce-type') ?? '');
  const { aggregate, token } = EVENT_SUBJECTS[type.name];
  if (subject.aggregate !== aggregate || subject.event !== token) {
    throw new AuditError(
      'subject',
      `its type ${headers.get('ce-type')} belongs to "${aggregate}.<id>.${token}"`,
    );
  }
  checkHeaders(message, { ledger, id: subject.id });
  const event = read(message);
  const parsed = EVENT_DATA[event.name].safeParse(event.data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new AuditError(
      'data',
      `its data are not those of its type: ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
  return event;
}

function subjectOf({ subject }: StoredMessage, ledger: string): ReturnType<typeof parseEventSubject> {
  let parsed: ReturnType<typeof parseEventSubject>;
  try {
    parsed = parseEventSubject(subject);
  } catch {
    throw new AuditError('subject', 'its subject is not that of an event');
  }
  if (parsed.ledger !== ledger)
    throw new AuditError('subject', `it belongs to the ledger "${parsed.ledger}"`);
  return parsed;
}

function typeOf(type: string): NonNullable<ReturnType<typeof parseEventType>> {
  const parsed = parseEventType(type);
  if (!parsed || parsed.version > newestVersion(parsed.name)) {
    throw new AuditError(
      'unknown_event',
      `this Tallybook knows no event "${type}"; a newer one may have written it`,
    );
  }
  return parsed;
}

function checkHeaders({ headers }: StoredMessage, { ledger, id }: { ledger: string; id: string }): void {
  const wanted = {
    'ce-specversion': '1.0',
    'ce-source': `/ledgers/${ledger}`,
    'ce-subject': id,
    datacontenttype: 'application/json',
  };
  for (const [name, value] of Object.entries(wanted)) {
    if (headers.get(name) !== value) {
      throw new AuditError('header', `its header ${name} is "${headers.get(name) ?? ''}", not "${value}"`);
    }
  }
  if (!headers.has('ce-id')) throw new AuditError('header', 'it has no ce-id');
  if (!TIME.test(headers.get('ce-time') ?? ''))
    throw new AuditError('header', 'its ce-time is no time in UTC');
  for (const [name] of headers) {
    if (!OF_EVENTS.has(name) && !OF_SERVER.test(name)) {
      throw new AuditError('header', `no hash covers its header ${name}`);
    }
  }
}

function read(message: StoredMessage): RecordedEvent {
  try {
    return decode(message);
  } catch (error) {
    throw new AuditError('data', `its data cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
}
