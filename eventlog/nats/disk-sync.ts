/**
 * Whether NATS has a write on the disk before it acknowledges it, as far as a client can learn. `sync_interval: always`
 * is a setting of the server, not of the stream. Servers tell it in the system account only; `deploy/nats.conf` lets
 * the ledger's own account ask for it, and no other.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';

const SERVERS_JETSTREAM = '$SYS.REQ.SERVER.PING.JSZ';
const RESPONSE_MS = 1_000;
/** Of a cluster nobody knows how many servers will answer: this long after one answer, there is no other. */
const SILENCE_MS = 250;

const response = z.object({
  server: z.object({ name: z.string() }),
  data: z.object({
    disabled: z.boolean().optional(),
    config: z
      .object({ sync_always: z.boolean().default(false), sync_interval: z.number().optional() })
      .optional(),
  }),
});

/** A warning for each server that acknowledges before it has synced, or one that this cannot be known. */
export async function diskSyncWarnings(nc: NatsConnection): Promise<string[]> {
  const servers = await askServers(nc);
  if (servers.length === 0) {
    return [
      'Whether NATS syncs every write to disk cannot be known here. See to it that "sync_interval" of its ' +
        '"jetstream" is "always", or a power cut may take acknowledged transfers with it.',
    ];
  }
  return servers
    .filter(({ always }) => !always)
    .map(
      ({ name, everySeconds }) =>
        `The NATS server ${name} syncs to disk every ${everySeconds} s, not every write: a power cut may take ` +
        'acknowledged transfers with it. Set "sync_interval: always" in its "jetstream".',
    );
}

type SyncSetting = { readonly name: string; readonly always: boolean; readonly everySeconds: number };

/** What the servers with JetStream say; nothing if they may not be asked. */
async function askServers(nc: NatsConnection): Promise<SyncSetting[]> {
  // Without a cluster there is one answer, and nothing to wait for after it.
  const alone = nc.info?.cluster === undefined;
  const settings: SyncSetting[] = [];
  try {
    const responses = await nc.requestMany(SERVERS_JETSTREAM, '', {
      maxWait: RESPONSE_MS,
      ...(alone ? { strategy: 'count', maxMessages: 1 } : { strategy: 'stall', stall: SILENCE_MS }),
    });
    for await (const message of responses) {
      const { success, data: reply } = response.safeParse(parsed(message.string()));
      if (!success || reply.data.disabled || !reply.data.config) continue;
      const { sync_always: always, sync_interval: nanoseconds = 0 } = reply.data.config;
      settings.push({ name: reply.server.name, always, everySeconds: nanoseconds / 1e9 });
    }
  } catch {
    // Nobody answers there, or this user may not ask: what is not known is said.
  }
  return settings;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
