/**
 * Consumers for readers. The server delivers for a push consumer to whatever subject its maker names, as itself, and asks
 * nobody whether the maker may publish there (nats-server#8274): a reader could have events stored as bulks or webhooks,
 * or speak as the active writer. It cannot be told to refuse these. So readers ask here (deploy/nats.conf maps it), and
 * what they ask for is asked of the server only if it is a pull consumer on a log.
 */
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { isLogStream, READERS_CREATE, serverCreateSubject } from '../../contracts/subjects.ts';
import { ERROR_CODES } from '../error-codes.ts';

/** What a reader's consumer may have; it is what pull consumers have. */
const FIELDS = [
  'ack_policy',
  'ack_wait',
  'backoff',
  'deliver_policy',
  'description',
  'durable_name',
  'filter_subject',
  'filter_subjects',
  'headers_only',
  'inactive_threshold',
  'max_ack_pending',
  'max_batch',
  'max_bytes',
  'max_deliver',
  'max_expires',
  'max_waiting',
  'mem_storage',
  'metadata',
  'name',
  'num_replicas',
  'opt_start_seq',
  'opt_start_time',
  'pause_until',
  'priority_groups',
  'priority_policy',
  'priority_timeout',
  'replay_policy',
];

/** And what a request may have. */
const PARTS = ['stream_name', 'config', 'action', 'pedantic'];

/** As the server says it. */
const BAD_REQUEST = { code: 400, err_code: ERROR_CODES.BadRequest };
const NOT_AVAILABLE = { code: 503, err_code: ERROR_CODES.NotAvailable };
/** Clients wait for five seconds. */
const SERVER_TIMEOUT_MS = 4_000;

type ConsumerRequest = { readonly subject: string; readonly body: string };

/** Answers readers until it is closed. Any number may: each question goes to one of them. */
export function openReaderGate(nc: NatsConnection): { readonly close: () => void } {
  const subscription = nc.subscribe(`${READERS_CREATE}.>`, { queue: 'gate' });
  void (async () => {
    // One that waits for the server does not hold up the next ones.
    for await (const message of subscription) void respond(nc, message);
  })();
  return { close: () => subscription.unsubscribe() };
}

async function respond(nc: NatsConnection, message: Msg): Promise<void> {
  const checked = examined(message);
  if (typeof checked === 'string') {
    message.respond(errorResponse(BAD_REQUEST, checked));
    return;
  }
  try {
    message.respond((await nc.request(checked.subject, checked.body, { timeout: SERVER_TIMEOUT_MS })).data);
  } catch (error) {
    if (!nc.isClosed()) {
      message.respond(errorResponse(NOT_AVAILABLE, `JetStream does not answer: ${String(error)}`));
    }
  }
}

/** What may be asked of the server, or why it may not. */
function examined(message: Msg): ConsumerRequest | string {
  // After the stream its name, if the server is not to make one up, and what it filters by.
  const [stream = '', ...more] = message.subject.slice(READERS_CREATE.length + 1).split('.');
  if (!isLogStream(stream)) return `readers have no consumers on ${stream}`;
  const request = parsed(message);
  if (!request) return 'this is no request for a consumer';
  // Written anew, and not passed on: the server would also read a name that is spelt in capitals, or is there twice.
  const config: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(request.config)) {
    if (isNothing(value)) continue;
    if (!FIELDS.includes(name)) return `a reader's consumer is a pull consumer, without ${name}`;
    config[name] = value;
  }
  const { action } = request;
  return {
    subject: serverCreateSubject([stream, ...more]),
    body: JSON.stringify({ stream_name: stream, config, ...(typeof action === 'string' ? { action } : {}) }),
  };
}

function parsed(message: Msg): { config: object; action?: unknown } | undefined {
  try {
    const request = message.json<{ config?: unknown; action?: unknown }>();
    if (Object.keys(request).some((name) => !PARTS.includes(name))) return undefined;
    const { config, action } = request;
    return typeof config === 'object' && config !== null ? { config, action } : undefined;
  } catch {
    return undefined;
  }
}

/** What the server takes as if it were not there. */
function isNothing(value: unknown): boolean {
  return value === null || value === '' || value === 0 || value === false;
}

function errorResponse(why: { code: number; err_code: number }, description: string): string {
  const type = 'io.nats.jetstream.api.v1.consumer_create_response';
  return JSON.stringify({ type, error: { ...why, description } });
}
