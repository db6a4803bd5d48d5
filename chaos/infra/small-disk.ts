/**
 * A file system of its own, so small that it can be filled. It is mounted in a namespace that a sleeping process keeps,
 * so nothing else on the machine sees it, and it is gone with that process. Root is not needed where a user may have
 * namespaces.
 */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startChild, waitUntilReady } from '../../dev/servers/child-process.ts';

const run = promisify(execFile);

export type SmallDisk = {
  /** What a program is started through, to see the file system at its folder. */
  readonly through: readonly string[];
  /** Takes all the room that is left. */
  readonly fill: () => Promise<void>;
  /** Gives it back. */
  readonly free: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const READY_MS = 5_000;

/** @throws Error if this user may not mount anything, not even for itself. */
export async function mountSmallDisk(options: {
  /** Where it is mounted. */
  folder: string;
  megabytes: number;
  logFile: string;
}): Promise<SmallDisk> {
  const { folder, megabytes, logFile } = options;
  await mkdir(folder, { recursive: true });
  const isRoot = process.getuid?.() === 0;
  const mount = 'mount -t tmpfs -o "size=$2m" small-disk "$1" && exec sleep infinity';
  const keeper = await startChild({
    name: 'small-disk',
    command: 'unshare',
    args: [...(isRoot ? ['-m'] : ['-Urm']), 'sh', '-c', mount, 'sh', folder, `${megabytes}`],
    logFile,
  });
  const namespaces = isRoot ? ['-m'] : ['-U', '--preserve-credentials', '-m'];
  const through = ['nsenter', '-t', `${keeper.pid}`, ...namespaces] as const;
  const inside = async (command: string) => {
    const [program, ...args] = through;
    return run(program, [...args, 'sh', '-c', command, 'sh', folder]);
  };
  await waitUntilReady(
    keeper,
    async () => {
      const { stdout } = await inside('df -P "$1" | tail -1');
      if (!stdout.startsWith('small-disk')) throw new Error('not mounted yet');
    },
    READY_MS,
  );
  return {
    through,
    async fill() {
      // Ends with "No space left on device", as it should. What is freed meanwhile is taken too.
      for (let times = 0; times < 3; times++) {
        await inside('cat /dev/zero >> "$1/ballast" 2>/dev/null || true');
        await sleep(50);
      }
    },
    free: async () => void (await inside('rm -f "$1/ballast"')),
    close: () => keeper.stop(0),
  };
}
