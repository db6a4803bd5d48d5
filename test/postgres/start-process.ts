/** Starts the project's Postgres twice in one data folder, as a program of its own: `<port>`. */
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { startReadModel } from '../../dev/servers/servers.ts';

const port = Number(process.argv[2]);
const dataDir = fileURLToPath(new URL('../../.data', import.meta.url));

for (const run of ['first', 'second']) {
  const server = await startReadModel({ port, dataDir, progress: console.log });
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  await sql.unsafe('create table if not exists runs (run text)');
  await sql`insert into runs values (${run})`;
  console.log((await sql<{ run: string }[]>`select run from runs`).map((row) => row.run).join(' and '));
  await sql.end();
  await server.stop();
}
process.exit(0);
