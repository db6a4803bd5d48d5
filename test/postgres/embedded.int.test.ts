import { connect, type Socket } from 'node:net';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../postgres/server.ts';

let server: EmbeddedPostgres;
beforeAll(async () => {
  server = await startEmbeddedPostgres({ db: 'memory://' });
});
afterAll(async () => server.close());

function client() {
  return postgres(server.url, { max: 1, fetch_types: false, onnotice: () => {} });
}

it('gives each of many clients its own rows, in and out of transactions', async () => {
  const clients = Array.from({ length: 8 }, client);
  const answers = await Promise.all(
    clients.flatMap((sql, who) =>
      Array.from({ length: 50 }, async (_, turn) => {
        const wanted = who * 1_000 + turn;
        const ask = (on: postgres.ISql) =>
          turn % 3 === 0
            ? on<{ it: number }[]>`select ${wanted}::int as it, ${'more'} as more`
            : on<{ it: number }[]>`select ${wanted}::int as it`;
        const rows = turn % 7 === 0 ? await sql.begin(ask) : await ask(sql);
        return rows[0]?.it === wanted;
      }),
    ),
  );
  expect(answers).toEqual(answers.map(() => true));
  await Promise.all(clients.map(async (sql) => sql.end()));
});

it.each([
  ['in the middle of an exchange', parse('select 1')],
  ['after an error, before its Sync', parse('select nonsense')],
  ['in the middle of a transaction', query('begin')],
  [
    'in the middle of an exchange in a transaction',
    Buffer.concat([query('begin'), parse('select nonsense')]),
  ],
])('goes on without a client that vanishes %s', async (_, messages) => {
  const other = client();
  await other`select 1`;
  const socket = await startSession(server.url);
  socket.write(messages);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const waiting = other<{ it: number }[]>`select ${7}::int as it`;
  await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 50))]);
  socket.destroy();
  const [row] = await waiting;
  expect(row?.it).toBe(7);
  expect(await other.begin((sql) => sql`select ${8}::int as it`)).toEqual([{ it: 8 }]);
  await other.end();
});

/** A session of Postgres' protocol by hand, ready for messages. */
async function startSession(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const parameters = Buffer.from('user\0postgres\0database\0postgres\0\0');
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + parameters.length, 0);
  head.writeInt32BE(196_608, 4);
  socket.write(Buffer.concat([head, parameters]));
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

function query(sql: string): Buffer {
  return message('Q', Buffer.from(`${sql}\0`));
}

function parse(sql: string): Buffer {
  return message('P', Buffer.from(`\0${sql}\0\0\0`));
}
