/** The passwords of the database of `npm start`: made on the first start, in files that only their owner can read. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { READER_ROLE } from '../projector/tables/readers.ts';
import { passwordFile, readerFile } from './urls.ts';

export type Secrets = Readonly<{
  /** Of the owner. */
  password: string;
  readerPassword: string;
}>;

/** @param dataDir has a folder `postgres` */
export async function readSecrets(dataDir: string): Promise<Secrets> {
  const password = await readOrMake(passwordFile(dataDir), newPassword);
  const line = await readOrMake(readerFile(dataDir), () => `127.0.0.1:*:*:${READER_ROLE}:${newPassword()}`);
  return { password, readerPassword: line.slice(line.lastIndexOf(':') + 1) };
}

/** A file that is empty was left by a start that was killed. */
async function readOrMake(file: string, make: () => string): Promise<string> {
  const found = await readFile(file, 'utf8').catch(() => '');
  if (found !== '') return found.trim();
  const made = make();
  await writeFile(file, `${made}\n`, { mode: 0o600 });
  return made;
}

/** Of letters, digits, `-` and `_`, which stand for themselves in URLs, in SQL and in psql's file. */
function newPassword(): string {
  return randomBytes(24).toString('base64url');
}
