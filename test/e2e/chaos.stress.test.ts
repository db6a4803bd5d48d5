/** The fault suite itself, as CI runs it. What it checks, `chaos/` says; the long run is `npm run chaos`. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SHORT_SET_MAX_MS = 600_000;
const STOP_MAX_MS = 60_000;

let temporary: string;
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'tallybook-chaos-test-'));
});
afterEach(async () => {
  await rm(temporary, { recursive: true, force: true });
});

function chaos(...args: string[]) {
  const child = spawn(process.execPath, ['dev/run.mjs', 'chaos/main.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  }
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, exited, printed: () => printed };
}

test(
  'the short set: processes are killed and stand still, and the ledger is whole',
  async () => {
    const { exited, printed } = chaos('--short', '--seed', '8');
    expect(await exited, printed()).toBe(0);
    expect(printed()).toMatch(/\| a-little-of-all +\| +\d+ \| +\d+ \| +\d+ \| +0 \| +0 \| .* holds/);
    // What held is not kept.
    expect((await readdir(temporary)).filter((name) => name.startsWith('tallybook-chaos-'))).toEqual([]);
  },
  SHORT_SET_MAX_MS,
);

test(
  'SIGTERM ends the suite and everything that it has started',
  async () => {
    const { child, exited, printed } = chaos('--only', 'soak', '--minutes', '10');
    await expect.poll(printed, { timeout: 60_000 }).toContain('starting');
    await expect.poll(() => processesBelow(temporary), { timeout: 60_000 }).not.toEqual([]);
    child.kill('SIGTERM');
    expect(await exited).toBe(1);
    await expect.poll(() => processesBelow(temporary), { timeout: 20_000 }).toEqual([]);
  },
  2 * STOP_MAX_MS + 60_000,
);

test('a wrong option is told in a sentence', async () => {
  const { exited, printed } = chaos('--sede', '8');
  expect(await exited).toBe(2);
  expect(printed()).toContain("Unknown option '--sede'");
});

/** Processes that keep their data below a folder. */
async function processesBelow(folder: string): Promise<string[]> {
  if (!existsSync('/proc')) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // One may end while it is looked at.
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(folder));
}
