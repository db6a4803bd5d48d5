/** How the database of `npm start` is reached, by its owner and by people who read. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { READER_ROLE } from '../projector/tables/readers.ts';

/** The role that owns the database, and writes. */
export const OWNER = 'postgres';

/** Where the owner's password is. The first start makes it. */
export function passwordFile(dataDir: string): string {
  return join(dataDir, 'postgres', 'password');
}

/** Where the readers' password is, in the form in which psql takes it from a file. The first start makes it. */
export function readerFile(dataDir: string): string {
  return join(dataDir, 'postgres', 'reader.pgpass');
}

/** Without a password before the first start. */
export function ownerUrl(dataDir: string, port: number): string {
  const file = passwordFile(dataDir);
  const login = existsSync(file) ? `${OWNER}:${readFileSync(file, 'utf8').trim()}` : OWNER;
  return `postgres://${login}@127.0.0.1:${port}/postgres`;
}

/** For psql. The password is in a file, so it shows neither here nor in a list of processes. */
export function readerUrl(dataDir: string, port: number): string {
  const file = readerFile(dataDir).split('/').map(encodeURIComponent).join('/');
  return `postgres://${READER_ROLE}@127.0.0.1:${port}/postgres?passfile=${file}`;
}
