/** Connects to NATS. */
import { connect, type NatsConnection } from '@nats-io/transport-node';

/**
 * Connects, and reconnects for ever once connected.
 * @param url `nats://[user:password@]host:port`
 * @param name what the server's connection list shows
 * @param patienceMs how long it tries
 * @throws Error that names the server if it does not answer in that time.
 */
export async function connectToNats(url: string, name: string, patienceMs = 10_000): Promise<NatsConnection> {
  const { username, password, protocol, host } = new URL(url);
  const server = `${protocol}//${host}`;
  const credentials = username
    ? { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
    : {};
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await connect({
        servers: server,
        name,
        ...credentials,
        timeout: 3_000,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        // A server that stops answering is noticed within 15 s even if the connection stays open.
        pingInterval: 5_000,
        maxPingOut: 2,
      });
    } catch (error) {
      if (Date.now() > deadline) {
        throw new Error(`NATS at ${server} does not answer: ${String(error)}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
