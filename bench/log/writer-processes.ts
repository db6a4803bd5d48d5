/** Starts processes that write to one ledger, and talks to them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Counted, FromWriter, Joining, Load, ToWriter } from './writer-protocol.ts';

const PROGRAM = fileURLToPath(new URL('writer-process.ts', import.meta.url));

const PATIENCE_MS = 20_000;

export type WriterProcess = {
  readonly pid: number;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly join: (how: Joining) => Promise<void>;
  readonly load: (load: Load) => void;
  /** Counts from now on. */
  readonly mark: () => void;
  /** Ends the load. */
  readonly stop: () => Promise<Counted>;
  /** Hands over and closes its connection; then it may join another ledger. */
  readonly leave: () => Promise<void>;
  readonly end: () => Promise<void>;
};

/** Starts a process. It ends with its parent. */
export async function startWriterProcess(): Promise<WriterProcess> {
  const child = spawn(process.execPath, ['--max-semi-space-size=64', PROGRAM], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error('A process has an id');
  // Whoever waits for the answer learns that the process has ended.
  const send = (message: ToWriter) => void child.send(message, () => {});
  return {
    pid,
    signal: (signal) => void child.kill(signal),
    async join(how) {
      send({ type: 'join', ...how });
      await next(child, 'joined');
    },
    load: (load) => send({ type: 'load', ...load }),
    mark: () => send({ type: 'mark' }),
    async stop() {
      send({ type: 'stop' });
      return await next(child, 'stopped');
    },
    async leave() {
      send({ type: 'leave' });
      await next(child, 'left');
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The next message of a type. Rejects if the process ends first, or says nothing for long. */
function next<Type extends FromWriter['type']>(
  child: ChildProcess,
  type: Type,
): Promise<Extract<FromWriter, { type: Type }>> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      forget();
      reject(new Error(`The process ${child.pid} ${why} before it had ${type}`));
    };
    const onExit = () => fail('ended');
    const onMessage = (message: FromWriter) => {
      if (message.type !== type) return;
      forget();
      resolve(message as Extract<FromWriter, { type: Type }>);
    };
    const timer = setTimeout(() => fail(`took ${PATIENCE_MS / 1_000} s`), PATIENCE_MS);
    const forget = () => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
    if (child.exitCode !== null || child.signalCode !== null) onExit();
  });
}
