/**
 * `node dev/run.mjs <script.ts> [arguments]`: installs the packages when they are missing or old, then runs a
 * TypeScript file of this project, and ends as it ends. Works from any folder; the script's path starts at the project.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PROJECT, prepare } from './install.mjs';

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  console.error('Usage: node dev/run.mjs <script.ts> [arguments]');
  process.exit(1);
}
prepare();

// The script is in a process group of its own, so that a signal reaches it once, from here: otherwise the terminal's
// Ctrl-C comes to it directly, from npm, and from us. The fourth channel tells it when we are gone, even if killed.
const child = spawn(
  process.execPath,
  ['--import', pathToFileURL(join(PROJECT, 'node_modules/tsx/dist/loader.mjs')).href, script, ...args],
  { cwd: PROJECT, stdio: ['inherit', 'inherit', 'inherit', 'ipc'], detached: process.platform !== 'win32' },
);

let lastSignalAt = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // npm passes on the signal that the terminal has given us already. A person is slower than that.
    const now = Date.now();
    if (now - lastSignalAt > 300) child.kill(signal);
    lastSignalAt = now;
  });
}

// `npm start` that is killed outright cannot tell us. Without npm, a parent that ends is nothing unusual.
const parent = process.ppid;
if (process.env.npm_lifecycle_event !== undefined) {
  setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 1_000).unref();
}

child.on('error', (error) => {
  console.error(`${script} could not be started: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code);
  console.error(`${script} was ended by ${signal}.`);
  process.exit(1);
});
