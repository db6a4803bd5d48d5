/** The network between Tallybook's processes and the servers, in the hands of a scenario. */
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import type { Between, Urls } from '../system.ts';

export type ServerName = keyof Urls;

export const SERVER_NAMES: readonly ServerName[] = ['nats', 'temporal', 'database'];

export type Network = {
  /** As a scenario's system needs it. */
  readonly between: (urls: Urls) => Promise<Between>;
  /** The proxy before a server, once the system runs. */
  readonly to: (server: ServerName) => FaultProxy;
};

/** A proxy before each server. */
export function createNetwork(): Network {
  const proxies = new Map<ServerName, FaultProxy>();
  return {
    async between(urls) {
      for (const name of SERVER_NAMES) {
        const target = name === 'temporal' ? `tcp://${urls.temporal}` : urls[name];
        proxies.set(name, await startFaultProxy(target));
      }
      const through = (name: ServerName) => {
        const url = urls[name];
        return url.replace(/:\d+(?=$|\/[^/]*$)/, `:${proxies.get(name)?.port}`);
      };
      return {
        urls: { nats: through('nats'), temporal: through('temporal'), database: through('database') },
        async close() {
          await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
        },
      };
    },
    to(server) {
      const proxy = proxies.get(server);
      if (!proxy) throw new Error('The system does not run yet.');
      return proxy;
    },
  };
}
