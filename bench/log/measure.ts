/** Has a measurement of the log made in a process of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Found, Task } from './task.ts';

/** A task, without the server that it is for. */
export type Job = Task extends infer T ? (T extends Task ? Omit<T, 'natsUrl'> : never) : never;

const PROGRAM = fileURLToPath(new URL('measure-process.ts', import.meta.url));

/** Starts the process, waits for what it finds, and for its end. */
export async function measureLog(natsUrl: string, job: Job): Promise<Found> {
  const task = JSON.stringify({ ...job, natsUrl });
  const child = fork(PROGRAM, [task], { execArgv: ['--max-semi-space-size=64'] });
  const found = new Promise<Found>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Found));
    child.once('exit', () => reject(new Error(`No result: ${task}`)));
  });
  const exited = once(child, 'exit');
  const result = await found;
  await exited;
  return result;
}
