/** What `npm start`, `npm test` and `npm run build` do before anything else. Plain JavaScript: nothing is installed yet. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = fileURLToPath(new URL('../', import.meta.url));

const NODE_AT_LEAST = [20, 19];

/** Ends the process with a plain message when this Node is too old, or the packages cannot be installed. */
export function prepare() {
  requireNode();
  installPackages();
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = NODE_AT_LEAST;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  fail(`Tallybook needs Node ${NODE_AT_LEAST.join('.')} or newer; this is ${process.version}.`);
}

/** Runs `npm ci` when the lock file is newer than what is installed. */
function installPackages() {
  const wanted = join(PROJECT, 'package-lock.json');
  // npm writes this file last, so a broken installation has none.
  const installed = join(PROJECT, 'node_modules', '.package-lock.json');
  const wantedAt = statSync(wanted).mtime;
  if (existsSync(installed) && statSync(installed).mtime >= wantedAt) return;
  const started = Date.now();
  console.log('Installing packages (npm ci), once ...');
  // The development packages, too: tests and the build need them whatever NODE_ENV says.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const { status, error } =
    npm !== undefined && /\.c?js$/.test(npm)
      ? spawnSync(process.execPath, [npm, ...args], { cwd: PROJECT, stdio: ['ignore', 'ignore', 'inherit'] })
      : spawnSync('npm', args, {
          cwd: PROJECT,
          stdio: ['ignore', 'ignore', 'inherit'],
          shell: process.platform === 'win32',
        });
  if (status !== 0) fail(`npm ci failed${error === undefined ? '' : ` (${error.message})`}; see above.`);
  // Newer than the lock file even where that has a time to come, or every start would install again.
  const now = new Date(Math.max(Date.now(), wantedAt.getTime()));
  utimesSync(installed, now, now);
  console.log(`Installed packages (${((Date.now() - started) / 1000).toFixed(1)} s).`);
}

/** @returns {never} */
function fail(message) {
  console.error(message);
  process.exit(1);
}
