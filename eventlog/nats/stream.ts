/** The ledger's stream: what it must be, and a check that it is. */
import { jetstreamManager, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { streamName, streamSubjects } from '../../contracts/subjects.ts';
import { LogDamaged } from '../errors.ts';
import { verifiedEnd } from '../read/direct-get.ts';
import { diskSyncWarnings } from './disk-sync.ts';
import { ERROR_CODES, hasErrorCode } from '../error-codes.ts';
import { openPatiently } from './retry.ts';

/** Older servers refuse guards whose subjects have the same length (nats-server#8376). */
const SERVER_VERSION_MIN = [2, 14, 4] as const;

/** What is kept for good: appended in whole batches, never deleted, and without a limit. */
export const APPEND_ONLY = {
  storage: 'file',
  retention: 'limits',
  discard: 'old',
  allow_atomic: true,
  deny_delete: true,
  deny_purge: true,
  // Nothing may expire, and nothing may be acknowledged before it is written.
  allow_msg_ttl: false,
  no_ack: false,
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  max_msgs_per_subject: -1,
  max_msg_size: -1,
  max_consumers: -1,
} as const;

function streamConfig(ledger: string, replicas: number): Partial<StreamConfig> & { name: string } {
  const { listens, transform, facts } = streamSubjects(ledger);
  return {
    name: streamName(ledger),
    description: `Every event of the ledger "${ledger}". Publishing is the append.`,
    subjects: listens,
    subject_transform: transform,
    republish: { src: facts, dest: facts },
    ...APPEND_ONLY,
    num_replicas: replicas,
    allow_direct: true,
  };
}

/** What works, but may cost somebody money: for a person to read. */
export type OpenedLog = { readonly warnings: readonly string[] };

/**
 * Creates the ledger's stream, or checks that the one which is there is what the ledger needs.
 * An existing stream is never changed. A cluster without a leader is waited for, and `tell` hears of it.
 * @throws Error that says what is wrong with the server or the stream.
 */
export async function openLog(
  nc: NatsConnection,
  options: { ledger: string; replicas: number; tell?: (line: string) => void },
): Promise<OpenedLog> {
  requireServerVersion(nc.info?.version ?? '0.0.0');
  const wanted = streamConfig(options.ledger, options.replicas);
  const found = await openPatiently(nc, { what: 'the log', tell: options.tell }, async () =>
    ensureStream(await jetstreamManager(nc), wanted),
  );
  const replicas = found && replicasWarning(found, options.replicas);
  const damage = await verifiedEnd({ nc, ledger: options.ledger }).then(
    () => undefined,
    // What the log does not say now it says to the first command.
    (error: unknown) => (error instanceof LogDamaged ? error.message : undefined),
  );
  const warnings = [damage, replicas].filter((warning) => warning !== undefined);
  return { warnings: [...warnings, ...(await diskSyncWarnings(nc))] };
}

/**
 * Creates a stream, or checks that the one which is there is as wanted, and gives its configuration.
 * @throws Error that says what is wrong with it.
 */
export async function ensureStream(
  manager: JetStreamManager,
  wanted: Partial<StreamConfig> & { name: string },
): Promise<StreamConfig | undefined> {
  const found = await manager.streams
    .info(wanted.name)
    .then((info) => info.config)
    .catch((error: unknown) => {
      if (hasErrorCode(error, ERROR_CODES.StreamNotFound)) return undefined;
      throw error;
    });
  if (found) requireConfig(wanted, found);
  // Two processes may both get here: the server answers an identical create with the stream that is there.
  else await manager.streams.add(wanted);
  return found;
}

function requireServerVersion(version: string): void {
  const parts = version.split(/[.-]/).map(Number);
  for (const [index, wanted] of SERVER_VERSION_MIN.entries()) {
    const part = parts[index] ?? 0;
    if (part > wanted) return;
    if (part < wanted || Number.isNaN(part)) {
      const minimum = SERVER_VERSION_MIN.join('.');
      throw new Error(`nats-server ${version} is too old: Tallybook needs ${minimum} or newer.`);
    }
  }
}

/** An operator may have changed it on purpose, or nobody may have noticed that there is one copy only. */
function replicasWarning({ name, num_replicas }: StreamConfig, wanted: number): string | undefined {
  if (num_replicas === wanted) return undefined;
  return (
    `The stream ${name} has ${copies(num_replicas)}, but STREAM_REPLICAS asks for ${wanted}. It was not changed; ` +
    `"nats stream edit ${name} --replicas ${wanted}" does it.`
  );
}

function copies(count: number): string {
  return count === 1 ? 'one copy' : `${count} copies`;
}

/** All but the number of replicas, which may differ. */
function requireConfig(wanted: Partial<StreamConfig>, found: StreamConfig): void {
  const differing = (Object.keys(wanted) as (keyof StreamConfig)[])
    .filter((key) => key !== 'num_replicas' && key !== 'description')
    .filter((key) => !equal(wanted[key], found[key]))
    .map((key) => `  ${key} is ${JSON.stringify(found[key])}, not ${JSON.stringify(wanted[key])}`);
  if (differing.length > 0) {
    throw new Error(`The stream ${found.name} is not what a ledger needs:\n${differing.join('\n')}`);
  }
}

/** Compares settings; what the server leaves out is off. */
function equal(wanted: unknown, found: unknown): boolean {
  if (Array.isArray(wanted)) return JSON.stringify(wanted) === JSON.stringify(found);
  if (typeof wanted === 'object' && wanted !== null && typeof found === 'object' && found !== null) {
    const settings = found as Record<string, unknown>;
    return Object.entries(wanted).every(([key, value]) => settings[key] === value);
  }
  return (wanted === 0 || wanted === false) && found === undefined ? true : wanted === found;
}
