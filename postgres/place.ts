/**
 * Where the server keeps its files, and whom it runs as. Postgres refuses to run as root, so in root's place the user
 * `nobody` runs it; that one must be able to reach the files, wherever root has its own.
 */
import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Whom the server runs as in root's place. */
type User = Readonly<{ uid: number; gid: number }>;

export type Place = Readonly<{
  /** A folder of ours, which the server's user can pass through. */
  home: string;
  /** In it, and for the server's user only. */
  data: string;
  /** Absent: the server runs as we do. */
  user: User | undefined;
}>;

/** Folders that every user can reach, for what a program keeps; the second where the first cannot be written to. */
const ELSEWHERE = ['/var/lib/tallybook', join(tmpdir(), 'tallybook-postgres')];

const INSTEAD = 'Start as another user, or name a server in DATABASE_URL.';

/**
 * Gives the place of a server whose files belong in `folder`, and makes what is missing of it. For root that is
 * elsewhere if a folder above keeps other users out.
 * @param folder a folder in the data folder. If we are root, others may pass through both from now on, unless the data
 * folder is a home
 * @throws Error if root finds no user for the server, or no folder that this user can reach.
 */
export async function findPlace(folder: string): Promise<Place> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (process.getuid?.() !== 0) return { home: folder, data: join(folder, 'data'), user: undefined };
  for (const each of [folder, dirname(folder)]) await letThrough(each);
  const home = (await canReach(folder)) ? folder : await elsewhere(folder);
  const data = join(home, 'data');
  await mkdir(data, { recursive: true, mode: 0o700 });
  const { uid, gid } = await stat(data);
  // Another user may have started it before, and owns the data.
  const user = uid === 0 ? await nobody() : { uid, gid };
  await chown(data, user.uid, user.gid);
  return { home, data, user };
}

/** Others may pass through the folder, and still not see what is in it. Not if it is somebody's home, too. */
async function letThrough(folder: string): Promise<void> {
  if ((await readdir(folder)).some((name) => name.startsWith('.'))) return;
  await chmod(folder, (await stat(folder)).mode | 0o011);
}

/** Whether every user can pass through a folder and all above it. */
export async function canReach(folder: string): Promise<boolean> {
  for (let path = await realpath(folder); ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

/** The same one for the same folder, whenever it is asked for. */
async function elsewhere(folder: string): Promise<string> {
  const whole = createHash('sha256').update(await realpath(folder));
  const name = whole.digest('hex').slice(0, 16);
  for (const parent of ELSEWHERE) {
    const home = join(parent, name);
    try {
      for (const each of [parent, home]) await makeOurs(each);
      if (await canReach(home)) return home;
    } catch {
      // A read-only file system, for one. The next may do.
    }
  }
  const tried = [folder, ...ELSEWHERE].join(', ');
  throw new Error(`Root cannot run PostgreSQL, and the user "nobody" can reach none of ${tried}. ${INSTEAD}`);
}

/** In a folder that everybody may write to, it may be somebody else's already. */
async function makeOurs(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== 0) throw new Error(`${folder} is not root's`);
  await chmod(folder, 0o711);
}

/** Postgres' programs look up the name of their user, so a number that nobody has would not do. */
async function nobody(): Promise<User> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const [, uid, gid] = /^nobody:[^:]*:(-?\d+):(-?\d+):/m.exec(passwd) ?? [];
  if (uid === undefined) {
    throw new Error(`Root cannot run PostgreSQL, and this system has no user "nobody". ${INSTEAD}`);
  }
  return { uid: Number(uid), gid: Number(gid) };
}
