/**
 * Ends the servers of a process that was killed. A process that starts servers (child-process.ts) starts this beside
 * them, tells it on its standard input which are running (`+pid signal`, `-pid`, a line each), and keeps the pipe open. The
 * operating system closes the pipe when that process ends, however it ends; what is then still running is stopped
 * here, the newest first, as `npm start` would have done.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const GRACE_MS = 10_000;
/** By its id, the signal that asks each process to end. */
const running = new Map();

// The parent's terminal and its Ctrl-C are the parent's business.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const [id, signal] = line.slice(1).split(' ');
  const pid = Number(id);
  if (line.startsWith('+')) running.set(pid, signal);
  else running.delete(pid);
}
for (const [pid, signal] of [...running].toReversed()) await end(pid, signal);

async function end(pid, signal) {
  send(pid, signal);
  for (let waited = 0; isRunning(pid) && waited < GRACE_MS; waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // Each child leads a process group of its own, so this reaches what it has started, too.
  send(-pid, 'SIGKILL');
}

function isRunning(pid) {
  if (!send(pid, 0)) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // State Z: it has ended, and only waits for the system to note it, which may take seconds.
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    // Not every system has /proc.
    return true;
  }
}

/** Sends a signal (0 only asks), and tells whether the process was there. */
function send(pid, signal) {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
