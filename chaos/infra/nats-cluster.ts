/**
 * Three nats-servers as one cluster, with the configuration that is shipped. Their routes go through proxies, one for
 * each direction of each pair, so that any of them can be cut off from the others while its clients still reach it.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { findBinary } from '../../dev/servers/binaries.ts';
import { startChild, waitUntilReady, type Child } from '../../dev/servers/child-process.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { startFaultProxy, type Weather } from './fault-proxy.ts';

export type NatsCluster = {
  /** As `NATS_URL` takes it. */
  readonly url: string;
  /** The URL of each node alone, by its name. */
  readonly urls: Readonly<Record<string, string>>;
  /** How each node is started. It serves when the cluster has a leader, so start all at the same time. */
  readonly start: Readonly<Record<string, () => Promise<Child>>>;
  /** From now on nothing gets through between this node and the others; it waits. */
  readonly cutOff: (name: string) => void;
  /** Ends that: what has waited is dropped, as it is when a cable was out for long. */
  readonly rejoin: (name: string) => void;
  /** How the network is between two nodes. */
  readonly weather: (one: string, other: string, weather: Weather) => void;
  readonly close: () => Promise<void>;
};

const CONFIGURATION = fileURLToPath(new URL('../../deploy/nats-cluster/node.conf', import.meta.url));
const NAMES = ['nats-1', 'nats-2', 'nats-3'];
const READY_TIMEOUT_MS = 60_000;
const LOOPBACK = '127.0.0.1';

type Node = { readonly name: string; readonly port: number; readonly routePort: number };

/** Prepares the cluster; nothing runs yet but its proxies. */
export async function prepareNatsCluster(options: {
  dataDir: string;
  password: string;
}): Promise<NatsCluster> {
  const { dataDir, password } = options;
  const nodes = await Promise.all(
    NAMES.map(async (name): Promise<Node> => ({ name, port: await freePort(), routePort: await freePort() })),
  );
  const links = await Promise.all(
    nodes.flatMap((from) =>
      nodes
        .filter((to) => to !== from)
        .map(async (to) => ({
          ends: [from.name, to.name],
          from,
          proxy: await startFaultProxy(`nats://${LOOPBACK}:${to.routePort}`),
        })),
    ),
  );
  // Nodes tell each other where they are reached. That would lead past the proxies, so they tell what leads nowhere.
  const nowhere = await freePort();
  const linksOf = (name: string) => links.filter(({ ends }) => ends.includes(name)).map(({ proxy }) => proxy);

  async function start(node: Node): Promise<Child> {
    const { name, port, routePort } = node;
    const routes = links
      .filter(({ from }) => from === node)
      .map(({ proxy }) => `nats://${LOOPBACK}:${proxy.port}`);
    const child = await startChild({
      name,
      command: await findBinary('nats-server', () => {}),
      args: [
        '--config',
        CONFIGURATION,
        '--addr',
        LOOPBACK,
        '--port',
        `${port}`,
        '--store_dir',
        join(dataDir, name),
        '--cluster_advertise',
        `${LOOPBACK}:${nowhere}`,
      ],
      logFile: join(dataDir, 'logs', `${name}.log`),
      env: {
        ...process.env,
        NATS_NODE: name,
        NATS_ROUTE_LISTEN: `${LOOPBACK}:${routePort}`,
        NATS_ROUTES: JSON.stringify(routes),
        NATS_PASSWORD: JSON.stringify(password),
      },
    });
    await waitUntilReady(child, () => requireJetStream(port, password), READY_TIMEOUT_MS);
    return child;
  }

  const login = `tallybook:${encodeURIComponent(password)}@`;
  const urls = Object.fromEntries(
    nodes.map(({ name, port }) => [name, `nats://${login}${LOOPBACK}:${port}`]),
  );
  return {
    url: Object.values(urls).join(','),
    urls,
    start: Object.fromEntries(nodes.map((node) => [node.name, () => start(node)])),
    cutOff: (name) => linksOf(name).forEach((proxy) => proxy.hold()),
    rejoin: (name) => linksOf(name).forEach((proxy) => proxy.cut()),
    weather(one, other, weather) {
      for (const { ends, proxy } of links) {
        if (ends.includes(one) && ends.includes(other)) proxy.weather(weather);
      }
    },
    async close() {
      await Promise.all(links.map(({ proxy }) => proxy.close()));
    },
  };
}

/** @throws Error if the node does not serve, or knows of no leader of the cluster. */
async function requireJetStream(port: number, password: string): Promise<void> {
  const nc = await connect({
    servers: `${LOOPBACK}:${port}`,
    user: 'tallybook',
    pass: password,
    reconnect: false,
    // A paused node must not be left for another one that it tells of.
    ignoreClusterUpdates: true,
  });
  try {
    const reply = await nc.request('$JS.API.INFO', '', { timeout: 1_000 });
    const { error } = reply.json<{ error?: { description: string } }>();
    if (error) throw new Error(error.description);
  } finally {
    await nc.close();
  }
}

/** The node that leads a stream, as those that can be asked have it; undefined while there is none. */
export async function leaderOf(nc: NatsConnection, stream: string): Promise<string | undefined> {
  try {
    const reply = await nc.request(`$JS.API.STREAM.INFO.${stream}`, '', { timeout: 1_000 });
    return reply.json<{ cluster?: { leader?: string } }>().cluster?.leader;
  } catch {
    return undefined;
  }
}
