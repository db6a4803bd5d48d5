import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGenerator, type Generator } from '../../../bench/generator/generator.ts';
import type { Operation, Task } from '../../../bench/task.ts';

const ACCOUNTS = { name: 'bench', count: 10 };
const TRANSFER: Operation = { type: 'transfer', accounts: ACCOUNTS, pattern: 'uniform' };

let generator: Generator;
beforeAll(async () => {
  generator = await startGenerator();
}, 60_000);
afterAll(() => generator.stop());

/** Serves while it is measured. */
async function measured(
  listener: RequestListener,
  task: Pick<Extract<Task, { type: 'load' }>, 'operation' | 'loop'>,
) {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => listener(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    return await generator.measure({ ...task, type: 'load', url, seconds: 0.5 });
  } finally {
    server.close();
  }
}

test('a closed loop counts every transfer that was answered, and each had a key of its own', async () => {
  const keys: unknown[] = [];
  const found = await measured(
    (request, response) => {
      keys.push(request.headers['idempotency-key']);
      setTimeout(() => response.writeHead(201).end('{}'), 10);
    },
    { operation: TRANSFER, loop: { type: 'closed', clients: 4 } },
  );
  expect(found.failures).toEqual({});
  expect(found.done).toBe(keys.length);
  expect(new Set(keys).size).toBe(keys.length);
  expect(found.p50).toBeGreaterThanOrEqual(9);
  // Four clients that each wait for 10 ms.
  expect(found.perSecond).toBeGreaterThan(20);
  expect(found.perSecond).toBeLessThan(440);
});

test('an open loop asks as often as it is told, however slowly it is answered', async () => {
  let asked = 0;
  const found = await measured(
    (_request, response) => {
      asked += 1;
      setTimeout(() => response.writeHead(201).end('{}'), 300);
    },
    { operation: TRANSFER, loop: { type: 'open', perSecond: 100 } },
  );
  // The lead-in of half a second, the half second itself, and the first at once.
  expect(asked).toBe(101);
  expect(found.done).toBe(101);
  expect(found.p50).toBeGreaterThanOrEqual(299);
});

test('what is answered otherwise is no transfer, and is told', async () => {
  let asked = 0;
  const found = await measured(
    (_request, response) => {
      asked += 1;
      response.writeHead(asked % 2 === 0 ? 201 : 422).end('no');
    },
    { operation: TRANSFER, loop: { type: 'closed', clients: 2 } },
  );
  const { '422 no': refused = 0, ...others } = found.failures;
  expect(others).toEqual({});
  expect(refused).toBeGreaterThan(0);
  expect(found.done + refused).toBe(asked);
});

test('an approval is two requests and one transfer', async () => {
  const paths: (string | undefined)[] = [];
  const found = await measured(
    (request, response) => {
      paths.push(request.url);
      const approval = request.url?.endsWith('/approve');
      response.writeHead(approval ? 200 : 202).end(JSON.stringify({ id: 'tr_1', status: 'posted' }));
    },
    {
      operation: { type: 'approval', accounts: ACCOUNTS },
      loop: { type: 'closed', clients: 1, pauseMs: 20 },
    },
  );
  expect(found.failures).toEqual({});
  expect(paths.slice(0, 2)).toEqual(['/v1/transfers', '/v1/transfers/tr_1/approve']);
  expect(paths).toHaveLength(2 * found.done);
});
