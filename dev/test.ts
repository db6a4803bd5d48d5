/** `npm test`: fetches the servers that the tests need, then runs vitest with the arguments given. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findBinary } from './binaries.ts';
import { BINARY_NAMES } from './binary-pins.ts';
import { messageOf } from './errors.ts';
import { onStopRequest } from './stop-signals.ts';

/** Gives vitest's exit code. */
async function main(): Promise<number> {
  await Promise.all(BINARY_NAMES.map((name) => findBinary(name, console.log)));
  const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
  const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], { stdio: 'inherit' });
  // Vitest ends in order on SIGINT, and at once on the second.
  onStopRequest(() => child.kill('SIGINT'));
  return await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exit(1);
  },
);
