/** Starts the load generator in a process of its own, and tells it what to do. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Measured, Task } from '../task.ts';

export type Generator = {
  /** Rejects if it fails, ends, or takes far longer than the task's seconds. */
  readonly measure: (task: Task) => Promise<Measured>;
  readonly stop: () => Promise<void>;
};

type Found = { readonly measured: Measured } | { readonly failed: string };

const PROGRAM = fileURLToPath(new URL('generator-process.ts', import.meta.url));

/** For what is still to be answered when the time is over. */
const PATIENCE_SECONDS = 90;

/** Starts it, and waits until it is ready. It carries out one task at a time. */
export async function startGenerator(): Promise<Generator> {
  const child = fork(PROGRAM, {
    execArgv: ['--max-semi-space-size=64'],
    // In JSON, what is not a number would be null.
    serialization: 'advanced',
  });
  const exited = once(child, 'exit');
  const ready = once(child, 'message');
  await Promise.race([ready, exited.then(() => Promise.reject(new Error('The load generator ended.')))]);
  return {
    async measure(task) {
      const found = await new Promise<Found>((resolve, reject) => {
        const fail = (why: string) => {
          forget();
          reject(new Error(`The load generator ${why}: ${task.type} on ${task.url}`));
        };
        const onExit = () => fail('ended');
        const onMessage = (message: Found) => {
          forget();
          resolve(message);
        };
        const timer = setTimeout(
          () => {
            fail(`did not end in time`);
            child.kill('SIGKILL');
          },
          (task.seconds + PATIENCE_SECONDS) * 1_000,
        );
        const forget = () => {
          clearTimeout(timer);
          child.off('exit', onExit);
          child.off('message', onMessage);
        };
        child.once('exit', onExit);
        child.once('message', onMessage);
        child.send(task, (error) => error && fail('cannot be told anything'));
      });
      if ('failed' in found) throw new Error(found.failed);
      return found.measured;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
