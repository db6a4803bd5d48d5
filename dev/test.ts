/** `npm test`: fetches the servers that the tests need, then runs vitest with the arguments given. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from './errors.ts';
import { findBinary } from './servers/binaries.ts';
import { BINARY_NAMES } from './servers/binary-pins.ts';
import { killGroup, watchOver } from './servers/child-process.ts';
import { onStopRequest } from './stop-signals.ts';

/** Gives vitest's exit code. */
async function main(): Promise<number> {
  await Promise.all(BINARY_NAMES.map((name) => findBinary(name, console.log)));
  // Whatever the tests write to temporary folders is gone afterwards, even where a test cannot clean up.
  const folder = await mkdtemp(join(tmpdir(), 'tallybook-tests-'));
  // Root's tests start Postgres as another user, who has to get to its files.
  await chmod(folder, 0o711);
  try {
    return await runVitest({ ...process.env, TMPDIR: folder });
  } finally {
    // Servers whose test was killed may still be writing their last.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function runVitest(env: NodeJS.ProcessEnv): Promise<number> {
  const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
  const args = [vitest, 'run', ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { stdio: 'inherit', env, detached: true });
  onStopRequest(() => child.kill('SIGINT'));
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
  const { pid } = child;
  if (pid === undefined) return await exited;
  watchOver(pid, exited);
  const code = await exited;
  // Interrupted, vitest leaves its workers to finish what they do.
  killGroup(pid);
  return code;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exit(1);
  },
);
