/** The peers' packages, installed once and only for who runs them. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PEERS = fileURLToPath(new URL('./', import.meta.url));

/**
 * Runs `npm ci` here when the lock file is newer than what is installed.
 * @throws Error when npm fails; it has said why.
 */
export function installPeers(): void {
  const wantedAt = statSync(join(PEERS, 'package-lock.json')).mtime;
  // npm writes this file last, so a broken installation has none.
  const installed = join(PEERS, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtime >= wantedAt) return;
  console.log('Installing the packages of bench/peers (npm ci), once ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PEERS,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('npm ci failed in bench/peers; see above.');
  const now = new Date(Math.max(Date.now(), wantedAt.getTime()));
  utimesSync(installed, now, now);
}
