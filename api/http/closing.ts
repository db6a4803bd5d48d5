/** How the HTTP server ends while clients go on asking. */
import type { Server, ServerResponse } from 'node:http';

/**
 * Gives what closes the server: whoever has asked is answered, and told that the connection ends with that. Otherwise a
 * client that keeps its connection and always asks again would keep the server open.
 */
export function createClosing(server: Server): () => Promise<void> {
  const responses = new Set<ServerResponse>();
  let closing = false;
  server.prependListener('request', (_request, response: ServerResponse) => {
    if (closing) return endsConnection(response);
    responses.add(response);
    response.once('close', () => responses.delete(response));
  });
  return () =>
    new Promise((resolve) => {
      closing = true;
      server.close(() => resolve());
      for (const response of responses) endsConnection(response);
      // Connections that wait for no answer would keep the server open.
      server.closeIdleConnections();
    });
}

function endsConnection(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
