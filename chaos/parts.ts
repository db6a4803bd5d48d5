/**
 * The processes that a system is made of, by their names. One that ends though nobody asked it to is started again after
 * a second, as a supervisor would do, and that is noted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants } from '../bench/processes.ts';
import { describeExit, type Child, type ExitStatus } from '../dev/servers/child-process.ts';

/** How a part has ended after SIGTERM. */
export type Ended = ExitStatus & Readonly<{ milliseconds: number }>;

type Part = {
  readonly name: string;
  readonly launch: () => Promise<Child>;
  child: Child | undefined;
  /** Whether it should run. */
  wanted: boolean;
  starting: Promise<void> | undefined;
};

const SUPERVISOR_PAUSE_MS = 1_000;
const STOP_MAX_MS = 20_000;

/** A part that ended though nobody asked it to. */
export type EndedByItself = Readonly<{
  part: string;
  at: Date;
  /** `exit code 1` */
  how: string;
  /** The end of what it has logged: the next run has a log of its own, and the data of what holds is removed. */
  lastLines: string;
}>;

export class Parts {
  readonly endedByThemselves: EndedByItself[] = [];
  readonly #parts = new Map<string, Part>();
  #closing = false;

  get names(): readonly string[] {
    return [...this.#parts.keys()];
  }

  /** @param launch starts the process, each time that it is started */
  add(name: string, launch: () => Promise<Child>): void {
    this.#parts.set(name, { name, launch, child: undefined, wanted: false, starting: undefined });
  }

  isRunning(name: string): boolean {
    return this.#part(name).child !== undefined;
  }

  /** @throws Error if it does not run */
  child(name: string): Child {
    const { child } = this.#part(name);
    if (!child) throw new Error(`${name} does not run.`);
    return child;
  }

  /** Starts what is down. */
  async start(name: string): Promise<void> {
    const part = this.#part(name);
    if (part.child) return;
    part.wanted = true;
    part.starting ??= this.#launch(part).finally(() => (part.starting = undefined));
    await part.starting;
  }

  /** SIGKILL to the process group. */
  async kill(name: string): Promise<void> {
    const part = this.#part(name);
    part.wanted = false;
    // What is just being started again could not be killed yet.
    await part.starting?.catch(() => {});
    part.child?.kill();
    await part.child?.exited;
  }

  /** SIGTERM, and after 20 s SIGKILL. */
  async stop(name: string): Promise<Ended> {
    const child = this.child(name);
    this.#part(name).wanted = false;
    const begun = performance.now();
    await child.stop(STOP_MAX_MS);
    return { ...(await child.exited), milliseconds: performance.now() - begun };
  }

  signal(name: string, signal: NodeJS.Signals): void {
    signalTree(this.child(name).pid, signal);
  }

  /** Ends all parts, the last one that was added first. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const { child } of [...this.#parts.values()].toReversed()) {
      if (!child) continue;
      // A paused process hears nothing.
      signalTree(child.pid, 'SIGCONT');
      await child.stop();
    }
  }

  #part(name: string): Part {
    const part = this.#parts.get(name);
    if (!part) throw new Error(`There is no part "${name}", only ${this.names.join(', ')}.`);
    return part;
  }

  async #launch(part: Part): Promise<void> {
    const child = await part.launch();
    part.child = child;
    void this.#watch(part, child);
    if (this.#closing) await child.stop();
  }

  async #watch(part: Part, child: Child): Promise<void> {
    const status = await child.exited;
    if (part.child === child) part.child = undefined;
    if (!this.#isMissed(part)) return;
    const how = describeExit(status);
    this.endedByThemselves.push({ part: part.name, at: new Date(), how, lastLines: child.logTail() });
    while (this.#isMissed(part)) {
      await sleep(SUPERVISOR_PAUSE_MS);
      // It may not get ready while another one is away: then it is tried again.
      if (this.#isMissed(part)) await this.start(part.name).catch(() => {});
    }
  }

  #isMissed({ wanted, child }: Part): boolean {
    return wanted && !child && !this.#closing;
  }
}

/** A part and all that it has started: the processes of Postgres lead groups of their own. */
function signalTree(pid: number, signal: NodeJS.Signals): void {
  for (const each of [pid, ...descendants([pid])]) {
    try {
      process.kill(each, signal);
    } catch {
      // It has ended meanwhile: there is nobody to be told.
    }
  }
}
