/** Damage to the files of a stream while its server is down: what a disk does when it grows old. */
import { open, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

/** Where nats-server keeps a stream's messages, below its store. */
function messagesOf(storeDir: string, stream: string): string {
  return join(storeDir, 'jetstream', 'LEDGER', 'streams', stream, 'msgs');
}

/** The files that hold a stream's messages, the oldest first. */
export async function blocksOf(storeDir: string, stream: string): Promise<string[]> {
  const folder = messagesOf(storeDir, stream);
  const names = (await readdir(folder)).filter((name) => /^\d+\.blk$/.test(name));
  return names.toSorted((one, other) => parseInt(one) - parseInt(other)).map((name) => join(folder, name));
}

/**
 * Turns one bit over in the last place where a text stands in a file.
 * @throws Error if it does not stand there
 */
export async function flipBitIn(file: string, text: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const content = await handle.readFile();
    const at = content.lastIndexOf(text);
    if (at < 0) throw new Error(`"${text}" is not in ${file}.`);
    const byte = Buffer.from([(content[at] ?? 0) ^ 1]);
    await handle.write(byte, 0, 1, at);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Cuts the end of a file off. */
export async function cutOff(file: string, bytes: number): Promise<void> {
  const { size } = await stat(file);
  await truncate(file, Math.max(0, size - bytes));
}
