/**
 * Child processes that end with us: each has its log file, a process group of its own (the terminal's Ctrl-C must not
 * reach it before we have stopped what depends on it), and a watchdog that ends it when we are killed.
 */
import { spawn, type ChildProcess as NodeChild } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { codeOf, messageOf } from '../errors.ts';

export type ExitStatus = Readonly<{ code: number | null; signal: NodeJS.Signals | null }>;

export type Child = Readonly<{
  name: string;
  pid: number;
  logFile: string;
  /** Resolves when the process has ended, for whatever reason; never rejects. */
  exited: Promise<ExitStatus>;
  /** The end of what the process has written in this run. */
  logTail(): string;
  /** Asks it to end, waits, then kills it. May be called twice. */
  stop(graceMs?: number): Promise<void>;
  /** Kills it and whatever it has started, now. */
  kill(): void;
}>;

export type ChildSpec = Readonly<{
  name: string;
  command: string;
  args: readonly string[];
  logFile: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Whom it runs as, if not as we do. */
  user?: Readonly<{ uid: number; gid: number }>;
  /** What asks it to end, if not SIGTERM. */
  stopSignal?: NodeJS.Signals;
}>;

const LOG_TAIL_LINES = 20;
const STOP_GRACE_MS = 10_000;

let watchdog: NodeChild | undefined;
const running = new Set<Child>();

/**
 * Starts a process. Its output goes to the log file; the log of the run before is kept beside it as `.previous`.
 * @throws Error when the command cannot be started at all.
 */
export async function startChild(spec: ChildSpec): Promise<Child> {
  const { name, command, args, logFile, stopSignal = 'SIGTERM' } = spec;
  mkdirSync(dirname(logFile), { recursive: true });
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.previous`);
  const log = openSync(logFile, 'w');
  const child = spawn(command, args, {
    stdio: ['ignore', log, log],
    detached: true,
    env: spec.env ?? process.env,
    cwd: spec.cwd,
    ...spec.user,
  });
  closeSync(log);
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} has no process id`);
  watchOver(pid, exited, stopSignal);
  let stopping: Promise<void> | undefined;
  const started: Child = {
    name,
    pid,
    logFile,
    exited,
    logTail: () => tail(logFile),
    stop: (graceMs = STOP_GRACE_MS) => (stopping ??= stop({ pid, exited, stopSignal }, graceMs)),
    kill: () => killGroup(pid),
  };
  running.add(started);
  void exited.then(() => running.delete(started));
  return started;
}

/**
 * Waits until the probe succeeds (it fails by throwing).
 * @throws Error with the end of the log when the process ends first, or when the time is over; it is stopped then.
 */
export async function waitUntilReady(
  child: Child,
  probe: () => Promise<unknown>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let ended: ExitStatus | undefined;
  void child.exited.then((status) => (ended = status));
  for (;;) {
    try {
      await probe();
      return;
    } catch (error) {
      if (ended !== undefined) {
        const message = `${child.name} ended while starting (${describeExit(ended)}).${logOf(child)}`;
        throw new Error(message, { cause: error });
      }
      if (Date.now() > deadline) {
        await child.stop();
        const message = `${child.name} was not ready after ${timeoutMs / 1000} s: ${messageOf(error)}.`;
        throw new Error(`${message}${logOf(child)}`, { cause: error });
      }
    }
    await Promise.race([sleep(50), child.exited]);
  }
}

/** Says how a process ended, for a person: `exit code 1` or `signal SIGKILL`. */
export function describeExit({ code, signal }: ExitStatus): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

/** Has a process, and the group that it leads, ended when this process dies before it. */
export function watchOver(
  pid: number,
  exited: Promise<unknown>,
  stopSignal: NodeJS.Signals = 'SIGTERM',
): void {
  const { stdin } = startWatchdog();
  stdin?.write(`+${pid} ${stopSignal}\n`);
  void exited.then(() => stdin?.write(`-${pid}\n`));
}

/** Every child that has been started and has not ended, ready or not, in the order they were started. */
export function runningChildren(): readonly Child[] {
  return [...running];
}

/** The process id of the watchdog, for whoever must know when the children of a killed process are gone. */
export function watchdogPid(): number {
  const { pid } = startWatchdog();
  if (pid === undefined) throw new Error('The watchdog could not be started.');
  return pid;
}

function startWatchdog(): NodeChild {
  if (watchdog === undefined) {
    const script = fileURLToPath(new URL('./watchdog.mjs', import.meta.url));
    watchdog = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    // A broken pipe here means only that nobody watches; the children are stopped in order all the same.
    watchdog.on('error', () => {});
    watchdog.stdin?.on('error', () => {});
    watchdog.unref();
    // The pipe closes by itself when this process ends. It must not keep this process from ending.
    if (watchdog.stdin instanceof Socket) watchdog.stdin.unref();
  }
  return watchdog;
}

/** Kills a process that leads a group, and whatever is left of the group. */
export function killGroup(pid: number): void {
  signalTo(-pid, 'SIGKILL');
}

type Stoppable = Pick<Child, 'pid' | 'exited'> & Readonly<{ stopSignal: NodeJS.Signals }>;

async function stop({ pid, exited, stopSignal }: Stoppable, graceMs: number): Promise<void> {
  signalTo(pid, stopSignal);
  const grace = new AbortController();
  const ended = await Promise.race([
    exited.then(() => true),
    sleep(graceMs, false, { signal: grace.signal }).catch(() => false),
  ]);
  grace.abort();
  if (!ended) {
    killGroup(pid);
    await exited;
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Gone already: what was wanted.
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

function tail(logFile: string): string {
  if (!existsSync(logFile)) return '';
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}

function logOf(child: Child): string {
  const lines = child.logTail();
  const where = ` Its log is ${child.logFile}`;
  return lines === '' ? `${where}, and empty.` : `${where}, and ends with:\n${lines.replace(/^/gm, '  ')}`;
}
