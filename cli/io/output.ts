/** The standard output, written no faster than it is read. */
import { once } from 'node:events';
import { EXIT } from '../command.ts';

export type Output = { readonly write: (text: string) => Promise<void> };

export function createOutput(stream: NodeJS.WriteStream): Output {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads has seen enough, as `head` has.
    if (error.code === 'EPIPE') process.exit(EXIT.couldNotRun);
    throw error;
  });
  return {
    async write(text) {
      if (!stream.write(text)) await once(stream, 'drain');
    },
  };
}
