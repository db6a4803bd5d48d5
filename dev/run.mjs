/**
 * `node dev/run.mjs [Node's options] <script.ts> [arguments]`: installs the packages when they are missing or old, and
 * fetches a newer Node when this one is too old. Then runs a TypeScript file of this project, and ends as it ends.
 * Works from any folder; the script's path starts at the project.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { PROJECT, prepare } from './install.mjs';
import { findNode } from './node.mjs';

const given = process.argv.slice(2);
const script = given.find((argument) => !argument.startsWith('-'));
if (script === undefined) {
  console.error("Usage: node dev/run.mjs [Node's options] <script.ts> [arguments]");
  process.exit(1);
}
prepare();
const node = nodeOrEnd();

// The script is in a process group of its own, so that a signal reaches it once, from here: otherwise the terminal's
// Ctrl-C comes to it directly, from npm, and from us. The fourth channel tells it when we are gone, even if killed.
const child = spawn(node, given, {
  cwd: PROJECT,
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  detached: process.platform !== 'win32',
});

let lastSignalAt = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // npm passes on the signal that the terminal has given us already. A person is slower than that.
    const now = Date.now();
    if (now - lastSignalAt > 300) child.kill(signal);
    lastSignalAt = now;
  });
}

// When npm is killed outright, or kills only the shell between it and us, nobody tells us. Other parents may end as
// they like: that is how a server is put in the background.
const links = linksToNpm();
const watch = setInterval(() => {
  if (links.every(([pid, parent]) => parentOf(pid) === parent)) return;
  clearInterval(watch);
  child.kill('SIGTERM');
}, 500).unref();

child.on('error', (error) => {
  console.error(`${script} could not be started: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code);
  console.error(`${script} was ended by ${signal}.`);
  process.exit(1);
});

/** Who is started by the name of `node`, npm for one, gets the same Node as the script. */
function nodeOrEnd() {
  try {
    const found = findNode();
    if (found !== process.execPath) process.env.PATH = [dirname(found), process.env.PATH].join(delimiter);
    return found;
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

/** Each process from us up to npm, with its parent: `[us, shell], [shell, npm]`. Empty when npm has not started us. */
function linksToNpm() {
  if (process.env.npm_lifecycle_event === undefined) return [];
  const shell = process.ppid;
  const npm = parentOf(shell);
  // Some shells leave their place to the command, so that npm itself is our parent.
  const between = npm !== undefined && /^(ba|da|z|k)?sh$/.test(nameOf(shell));
  return between
    ? [
        [process.pid, shell],
        [shell, npm],
      ]
    : [[process.pid, shell]];
}

function parentOf(pid) {
  if (pid === process.pid) return process.ppid;
  const stat = readProc(pid, 'stat');
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function nameOf(pid) {
  return readProc(pid, 'comm')?.trim() ?? '';
}

/** What the system tells of a process, where it does. */
function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
