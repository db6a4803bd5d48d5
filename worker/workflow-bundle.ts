/**
 * The workflows as one script, which Temporal's worker runs apart from everything else. A process of its own makes it:
 * the bundler takes some 150 MB, which a process that goes on would keep for good.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const CODE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Bundles the workflows of this project.
 * @throws Error with what the bundler says
 */
export async function bundleWorkflows(): Promise<{ readonly code: string }> {
  // The same folder as source or compiled: the extension is this file's own.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const args = [pathOf('bundle-workflows.mjs'), pathOf(`../workflows/index.${extension}`)];
  const { stdout } = await run(process.execPath, args, { maxBuffer: CODE_BYTES_MAX });
  return { code: stdout };
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
