import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';

const run = promisify(execFile);
const PORTS = fileURLToPath(new URL('../../dev/servers/ports.ts', import.meta.url));

/** More than one process's first block holds. */
const ASKED = 40;
const SCRIPT = `
  const { freePort } = await import(${JSON.stringify(PORTS)});
  console.log(JSON.stringify(await Promise.all(Array.from({ length: ${ASKED} }, freePort))));
  setTimeout(() => {}, 500);
`;

test('gives no port to two callers, in one process or in several, nor one that systems connect from', async () => {
  const processes = Array.from({ length: 4 }, () =>
    run(process.execPath, ['--input-type=module', '--eval', SCRIPT]),
  );
  const given = (await Promise.all(processes)).flatMap(({ stdout }) => JSON.parse(stdout) as number[]);
  expect(given).toHaveLength(4 * ASKED);
  expect(new Set(given).size).toBe(given.length);
  expect(Math.min(...given)).toBeGreaterThan(1_024);
  expect(Math.max(...given)).toBeLessThan(32_768);
});

test('gives no port that a server listens on', async () => {
  const before = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(before + 1, '127.0.0.1', resolve));
  try {
    expect(await freePort()).not.toBe(before + 1);
  } finally {
    server.close();
  }
});
