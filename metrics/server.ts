/** `/metrics` and `/healthz` of a process that serves nothing else. */
import { createServer, type ServerResponse } from 'node:http';
import type { Metrics } from './registry.ts';

type MetricsServer = { readonly close: () => Promise<void> };

/**
 * Serves them where the configuration says, or not at all if it names no port.
 * @throws Error that names the port if it is taken.
 */
export async function serveMetricsIfConfigured(
  { show }: Pick<Metrics, 'show'>,
  { host, metricsPort: port }: { host: string; metricsPort: number | undefined },
): Promise<MetricsServer> {
  if (port === undefined) return { close: () => Promise.resolve() };
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/healthz')
      return respond(response, 200, { text: '{"status":"ok"}', contentType: 'application/json' });
    if (path !== '/metrics')
      return respond(response, 404, { text: 'Not found.\n', contentType: 'text/plain' });
    show().then(
      (metrics) => respond(response, 200, metrics),
      (error: unknown) => {
        console.error('/metrics could not be shown:', error);
        respond(response, 500, { text: 'See the log.\n', contentType: 'text/plain' });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new Error(`Port ${port} (metrics) is taken. Set METRICS_PORT to another one.`) : error);
    });
    server.listen(port, host, resolve);
  });
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function respond(
  response: ServerResponse,
  status: number,
  { text, contentType }: { text: string; contentType: string },
): void {
  response.writeHead(status, { 'Content-Type': contentType }).end(text);
}
