/** Connects to NATS. */
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { retryFor } from './retry.ts';

/** How often a server of a cluster is asked whether it still belongs to it, and how long it may take to say. */
const ASK_EVERY_MS = 2_000;
const ASK_TIMEOUT_MS = 2_000;
/** A cluster without a leader has one again within ten seconds or so; leaving sooner gains nothing. */
const UNANSWERED_MAX = 3;

/**
 * Connects, and reconnects for ever once connected; of a cluster to another server, if one does not answer or has been
 * cut off from the others.
 * @param urls `nats://[user:password@]host:port`; of a cluster several, separated by commas, with the same login
 * @param name what the server's connection list shows
 * @param patienceMs how long it tries
 * @throws Error that names the servers if none answers in that time.
 */
export async function connectToNats(
  urls: string,
  name: string,
  patienceMs = 10_000,
): Promise<NatsConnection> {
  const parsed = urls.split(',').map((url) => new URL(url));
  const servers = parsed.map(({ protocol, host }) => `${protocol}//${host}`);
  const login = parsed.find(({ username }) => username !== '');
  const credentials = login
    ? { user: decodeURIComponent(login.username), pass: decodeURIComponent(login.password) }
    : {};
  const failure = `NATS at ${servers.join(', ')} does not answer`;
  const nc = await retryFor({ failure, patienceMs }, () =>
    connect({
      servers,
      name,
      ...credentials,
      timeout: 3_000,
      maxReconnectAttempts: -1,
      // A busy server that has not read the login in time says the same as one with another password.
      ignoreAuthErrorAbort: true,
      reconnectTimeWait: 250,
      // A server that stops answering is noticed within 15 s even if the connection stays open.
      pingInterval: 5_000,
      maxPingOut: 2,
    }),
  );
  leaveWhatIsCutOff(nc);
  return nc;
}

/**
 * A server that has lost the others still answers its clients' pings, but can neither store nor say anything. What it
 * says of JetStream the cluster's leader has to say: if it cannot be reached from here, it may be from another server.
 */
function leaveWhatIsCutOff(nc: NatsConnection): void {
  let unanswered = 0;
  let asking = false;
  const ask = async () => {
    if (asking || nc.info?.cluster === undefined) return;
    asking = true;
    const responded = await nc.request('$JS.API.INFO', '', { timeout: ASK_TIMEOUT_MS }).then(
      // A server that knows of no leader says so.
      (reply) => reply.json<{ error?: unknown }>().error === undefined,
      () => false,
    );
    asking = false;
    unanswered = responded ? 0 : unanswered + 1;
    if (unanswered < UNANSWERED_MAX || nc.isClosed() || nc.isDraining()) return;
    unanswered = 0;
    await nc.reconnect().catch(() => {});
  };
  const timer = setInterval(() => void ask(), ASK_EVERY_MS);
  timer.unref();
  void nc.closed().then(() => clearInterval(timer));
}
