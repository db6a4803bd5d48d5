/** Clients that work and readers that look on, and a record of it all. */
import { setTimeout as sleep } from 'node:timers/promises';
import { defined } from '../../domain/optional-fields.ts';
import type { Random } from '../random.ts';
import type { LoadControl } from '../scenario.ts';
import { depositDraft, nextDraft, openingDraft, type Draft } from './operations.ts';
import { isClear, isRecorded, type Command, type Read, type Record } from './record.ts';
import { readAccount, sendCommand } from './sending.ts';
import { World } from './world.ts';

export type LoadOptions = {
  readonly url: string;
  readonly random: Random;
  /** In every key: another run on the same data asks for other things. */
  readonly name: string;
  /** Of the full load. */
  readonly factor: number;
};

export type Load = LoadControl & {
  readonly record: Record;
  /** Ends the clients, and waits for what they have under way. */
  readonly end: () => Promise<void>;
  /** Asks again for all that has no clear answer, until each has one or the time is over. Gives those that have none. */
  readonly settle: (milliseconds: number) => Promise<readonly Command[]>;
  /** Asks again for some of what was answered: each must get the same answer. */
  readonly repeatSome: (count: number) => Promise<void>;
  readonly figures: () => LoadFigures;
};

export type LoadFigures = {
  readonly commands: number;
  readonly acknowledged: number;
  readonly reads: number;
  /** Attempts that had no clear answer, by their code or what went wrong. */
  readonly unclear: Readonly<globalThis.Record<string, number>>;
};

const CLIENTS = 12;
const READERS = 2;
const ACCOUNTS = 40;
const HOT_ACCOUNTS = 3;
const FUNDS = 20_000n;
const OVERDRAFT = '1000';
const CLIENT_PAUSE_MS = 30;
const READER_PAUSE_MS = 20;
/** With so many open, nothing new is asked. */
const OPEN_MAX = 48;
const RETRY_MS = { from: 300, to: 2_000 } as const;
const PAUSE_MAX_MS = 30_000;
const OPENING_MAX_MS = 60_000;
const SETTLERS = 8;

/** A command without a clear answer, and when it is asked for again. */
type Open = { readonly command: Command; readonly draft: Draft; readonly due: number };

/**
 * Opens accounts, and then works until it is ended.
 * @throws Error if the accounts cannot be opened: nothing is broken yet.
 */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const clients = new Clients(options);
  const count = Math.round(CLIENTS * options.factor);
  if (count > 0) await clients.openAccounts();
  clients.begin(count);
  return clients;
}

class Clients implements Load {
  readonly #options: LoadOptions;
  readonly #commands: Command[] = [];
  readonly #reads: Read[] = [];
  readonly #unclear: globalThis.Record<string, number> = {};
  readonly #world = new World();
  readonly #open = new Set<Open>();
  #working: readonly Promise<void>[] = [];
  #acknowledged = 0;
  readonly #underWay = new Set<Promise<unknown>>();
  #paused = false;
  #over = false;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  get record(): Record {
    return { commands: this.#commands, reads: this.#reads };
  }

  acknowledged(): number {
    return this.#acknowledged;
  }

  unclear(): number {
    return Object.values(this.#unclear).reduce((sum, count) => sum + count, 0);
  }

  figures(): LoadFigures {
    return {
      commands: this.#commands.length,
      acknowledged: this.#acknowledged,
      reads: this.#reads.length,
      unclear: this.#unclear,
    };
  }

  /** Nothing is broken yet, but a worker may still be on its way. */
  async openAccounts(): Promise<void> {
    const ids = Array.from({ length: ACCOUNTS }, (_, index) => `${this.#options.name}-account-${index + 1}`);
    const opening = ids.map((id, index) => openingDraft(this.#world, id, index % 5 === 0 ? OVERDRAFT : '0'));
    await Promise.all(opening.map((draft) => this.#ask(draft)));
    await this.settle(OPENING_MAX_MS);
    await Promise.all(ids.map((id) => this.#ask(depositDraft(`fund ${id}`, id, FUNDS))));
    const [failed] = await this.settle(OPENING_MAX_MS);
    if (failed) {
      const { status, text } = failed.attempts.at(-1) ?? {};
      throw new Error(`The accounts could not be opened: ${status} ${text}`);
    }
    this.#world.hot.push(...ids.slice(0, HOT_ACCOUNTS));
  }

  begin(clients: number): void {
    this.#working = [
      ...Array.from({ length: clients }, (_, index) => this.#client(index + 1)),
      ...Array.from({ length: clients > 0 ? READERS : 0 }, (_, index) => this.#reader(index + 1)),
    ];
  }

  async pause(): Promise<void> {
    this.#paused = true;
    const deadline = Date.now() + PAUSE_MAX_MS;
    while (this.#underWay.size > 0 && Date.now() < deadline) await sleep(20);
  }

  async drained(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  resume(): void {
    this.#paused = false;
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#working);
  }

  async settle(milliseconds: number): Promise<readonly Command[]> {
    const deadline = Date.now() + milliseconds;
    const chance = this.#options.random.fork('settling');
    const settler = async () => {
      while (Date.now() < deadline) {
        const [next] = this.#open;
        if (!next) return;
        await this.#askAgain(next, chance);
        await sleep(50);
      }
    };
    await Promise.all(Array.from({ length: SETTLERS }, settler));
    return [...this.#open].map(({ command }) => command);
  }

  async repeatSome(count: number): Promise<void> {
    const kept = this.#commands.filter((command) => command.attempts.some(isRecorded));
    const some = this.#options.random.fork('repeating').shuffled(kept).slice(0, count);
    const repeat = async () => {
      for (let next = some.pop(); next; next = some.pop()) {
        next.attempts.push(await sendCommand(this.#options.url, next));
      }
    };
    await Promise.all(Array.from({ length: SETTLERS }, repeat));
  }

  async #client(number: number): Promise<void> {
    const { random, name } = this.#options;
    const chance = random.fork(`client ${number}`);
    for (let count = 1; !this.#over; count++) {
      await sleep(chance.between(0, 2 * CLIENT_PAUSE_MS));
      if (this.#paused || this.#over) continue;
      const due = [...this.#open].find((each) => each.due <= Date.now());
      if (due) await this.#askAgain(due, chance);
      else if (this.#open.size < OPEN_MAX) {
        await this.#ask(nextDraft(this.#world, chance, `${name}-${number}-${count}`));
      }
    }
  }

  async #reader(number: number): Promise<void> {
    const { random, url } = this.#options;
    const chance = random.fork(`reader ${number}`);
    while (!this.#over) {
      await sleep(chance.between(0, 2 * READER_PAUSE_MS));
      if (this.#paused || this.#over) continue;
      const minPosition = chance.chance(0.5) ? this.#world.position : 0;
      const read = await readAccount(url, chance.pick(this.#world.accounts), minPosition);
      if (read) this.#reads.push(read);
    }
  }

  async #ask(draft: Draft): Promise<void> {
    const { kind, path, body, key, keyHash, commandIds, transfers, account, hold } = draft;
    const number = this.#commands.length + 1;
    const asked = { number, kind, path, body, key, keyHash, commandIds, transfers, attempts: [] };
    const command: Command = { ...asked, ...defined({ account, hold }) };
    this.#commands.push(command);
    if (await this.#attempt(command, draft)) return;
    this.#open.add({ command, draft, due: Date.now() + RETRY_MS.from });
  }

  async #askAgain(open: Open, chance: Random): Promise<void> {
    // Nobody else takes it meanwhile.
    this.#open.delete(open);
    if (await this.#attempt(open.command, open.draft)) return;
    this.#open.add({ ...open, due: Date.now() + chance.between(RETRY_MS.from, RETRY_MS.to) });
  }

  /** Sends it once; true if the answer is clear. Under way until the answer is counted. */
  async #attempt(command: Command, draft: Draft): Promise<boolean> {
    const attempt = this.#send(command, draft);
    this.#underWay.add(attempt);
    return await attempt.finally(() => this.#underWay.delete(attempt));
  }

  async #send(command: Command, draft: Draft): Promise<boolean> {
    const answer = await sendCommand(this.#options.url, command);
    command.attempts.push(answer);
    if (!isClear(answer)) {
      const what = answer.code ?? (answer.status === undefined ? answer.text : `${answer.status}`);
      this.#unclear[what] = (this.#unclear[what] ?? 0) + 1;
      return false;
    }
    this.#acknowledged += 1;
    this.#world.position = Math.max(this.#world.position, answer.position ?? 0);
    draft.learn?.(answer);
    return true;
  }
}
