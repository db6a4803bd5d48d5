/** The embedded Postgres as a process: `--db <folder> --port <port> [--host <host>] [--max-connections <n>]`. */
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from './server.ts';

const { values } = parseArgs({
  options: {
    db: { type: 'string', default: 'memory://' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '5499' },
    'max-connections': { type: 'string', default: '20' },
  },
});

const server = await startEmbeddedPostgres({
  db: values.db,
  host: values.host,
  port: Number(values.port),
  maxConnections: Number(values['max-connections']),
});
console.log(`Postgres is ready on ${values.host}:${values.port}`);

async function stop(): Promise<void> {
  await server.close();
  process.exit(0);
}
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
