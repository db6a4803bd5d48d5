/** What `npm start`, `npm test` and `npm run build` do before anything else. Plain JavaScript: nothing is installed yet. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = fileURLToPath(new URL('../', import.meta.url));

/** What npm and the packages' own tools need. What our code needs is in node.mjs. */
const INSTALLS_FROM = [20, 19];

/** Ends the process with a plain message when this Node is too old, or the packages cannot be installed. */
export function prepare() {
  if (!isAtLeast(process.versions.node, INSTALLS_FROM)) {
    fail(
      `Tallybook needs Node 24, or at least ${INSTALLS_FROM.join('.')} to fetch it; this is ${process.version}.`,
    );
  }
  installPackages();
}

/**
 * Tells whether a version such as `22.18.0` is as new as a major and a minor version.
 * @param {string} version
 * @param {readonly number[]} wanted
 */
export function isAtLeast(version, [wantedMajor = 0, wantedMinor = 0]) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/**
 * Runs npm to its end: the one that has started us, if one has. Its errors are shown.
 * @param {readonly string[]} args
 */
export function runNpm(args) {
  const npm = process.env.npm_execpath;
  return npm !== undefined && /\.c?js$/.test(npm)
    ? spawnSync(process.execPath, [npm, ...args], { cwd: PROJECT, stdio: ['ignore', 'ignore', 'inherit'] })
    : spawnSync('npm', args, {
        cwd: PROJECT,
        stdio: ['ignore', 'ignore', 'inherit'],
        shell: process.platform === 'win32',
      });
}

/** Runs `npm ci` when the lock file is newer than what is installed. */
function installPackages() {
  const wanted = join(PROJECT, 'package-lock.json');
  // npm writes this file last, so a broken installation has none.
  const installed = join(PROJECT, 'node_modules', '.package-lock.json');
  const wantedAt = statSync(wanted).mtime;
  if (existsSync(installed) && statSync(installed).mtime >= wantedAt) return;
  const started = Date.now();
  // The output of the program that follows may be read by another program.
  console.error('Installing packages (npm ci), once ...');
  // The development packages, too: tests and the build need them whatever NODE_ENV says.
  const { status, error } = runNpm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  if (status !== 0) fail(`npm ci failed${error === undefined ? '' : ` (${error.message})`}; see above.`);
  // Newer than the lock file even where that has a time to come, or every start would install again.
  const now = new Date(Math.max(Date.now(), wantedAt.getTime()));
  utimesSync(installed, now, now);
  console.error(`Installed packages (${((Date.now() - started) / 1000).toFixed(1)} s).`);
}

/** @returns {never} */
function fail(message) {
  console.error(message);
  process.exit(1);
}
