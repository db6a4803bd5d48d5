/** `npm run dev`: starts a part of Tallybook anew when a file that it runs from changes. */
import { relative } from 'node:path';
import { messageOf } from './errors.ts';
import { describeExit, type Child } from './servers/child-process.ts';
import { watchSources } from './source-watch.ts';

export type Part = Readonly<{
  title: string;
  /** The files that it starts from. */
  entries: readonly string[];
  /** It runs already. */
  child: Child;
  launch: () => Promise<Child>;
}>;

type Options = Readonly<{
  /** Paths are told relative to it. */
  project: string;
  /** Returns when requests are answered, or fails when they are not for long. */
  untilServing: () => Promise<void>;
  report: (line: string) => void;
}>;

/** Saving a file is several changes of it, and a branch that is checked out is many files. */
const SETTLE_MS = 200;

const STOP_GRACE_MS = 15_000;

/**
 * Restarts parts, one after the other, until it is told to stop. One that ends by itself does not end the others: it
 * waits for the next change.
 */
export function restartOnChange(parts: readonly Part[], options: Options): () => void {
  const ends = parts.map((part) => keepCurrent(part, options));
  return () => {
    for (const end of ends) end();
  };
}

/** One part. */
function keepCurrent(part: Part, { project, untilServing, report }: Options): () => void {
  const { title, entries, launch } = part;
  let { child } = part;
  /** Whose end is no news. */
  let stopped: Child | undefined;
  let ended = false;
  let restarting = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  function care(started: Child): void {
    child = started;
    void tellEnd(started);
  }

  async function tellEnd(started: Child): Promise<void> {
    const status = await started.exited;
    if (ended || stopped === started) return;
    report(`✗ ${title} ended by itself (${describeExit(status)}), and starts again after the next change.`);
    report(`  The end of ${started.logFile}:\n\n${started.logTail()}\n`);
  }

  async function restart(file: string): Promise<void> {
    const begun = Date.now();
    stopped = child;
    await child.stop(STOP_GRACE_MS);
    if (ended) return;
    const started = await launch();
    care(started);
    const goneAgain = started.exited.then(() => true);
    const gone = await Promise.race([goneAgain, untilServing().then(() => false)]);
    if (gone || ended) return;
    const seconds = ((Date.now() - begun) / 1000).toFixed(1);
    report(`↻ ${title} restarted (${relative(project, file)} has changed), ${seconds} s`);
  }

  const unwatch = watchSources(entries, (file) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      restarting = restarting
        .then(() => restart(file))
        .catch((error: unknown) => report(`✗ ${title} was not restarted: ${messageOf(error)}`));
    }, SETTLE_MS);
  });
  care(child);
  return () => {
    ended = true;
    clearTimeout(timer);
    unwatch();
  };
}
