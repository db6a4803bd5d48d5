/** Connects to Temporal. */
import { retryFor } from '../eventlog/nats/retry.ts';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';

/**
 * The connection that workers need and clients may share; a shared one lets a start bring its first task back.
 * @throws Error that names the server if it does not answer within 10 s.
 */
export async function connectToTemporal(address: string): Promise<NativeConnection> {
  return await retryFor({ failure: `Temporal at ${address} does not answer`, patienceMs: 10_000 }, () =>
    // Compression only costs time between processes of one machine or one rack.
    NativeConnection.connect({ address, grpcCompression: { codec: 'none' } }),
  );
}

/**
 * Temporal's own log lines: warnings and worse. A workflow that fails because its command met an error is a day's
 * work and no warning. Call it before anything else of Temporal's.
 */
export function quietTemporalLogs(): void {
  const logger = new DefaultLogger('WARN', ({ level, message, meta }) => {
    const error: unknown = meta?.['error'];
    // The error has lost its class on the way here from the workflow's sandbox; its stack still begins with the name.
    const failedByRule = error instanceof Error && error.stack?.startsWith('ApplicationFailure:');
    if (message === 'Workflow failed' && failedByRule) return;
    // The worker that speaks to payment rails has none, and means to.
    if (message.startsWith('No workflows registered')) return;
    const where = meta?.['workflowId'] === undefined ? '' : ` (${String(meta['workflowId'])})`;
    console.error(`${level} Temporal: ${message}${where}`, ...(error === undefined ? [] : [error]));
  });
  Runtime.install({ logger, shutdownSignals: [] });
}
