/**
 * Takes no command, and reads nothing from the log, while the read model knows more than the log: then the log has lost
 * its end. What was decided now would take the place of what is missing.
 */
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import type { Commands } from './commands.ts';

export type WholeLogOptions = {
  /** Why the log has lost something; undefined if it has not. */
  readonly missing: () => Promise<string | undefined>;
  /** Calls back when the log's server may have been another one in the meantime. */
  readonly onReconnect: (again: () => void) => void;
};

export type WholeLog = {
  /** The same commands, refused while something is missing. */
  readonly commands: (commands: Commands) => Commands;
  /** The same reader, which then throws. */
  readonly events: (events: Pick<EventReader, 'read' | 'lastOf'>) => Pick<EventReader, 'read' | 'lastOf'>;
};

/** The log has lost its end; by its name it is answered as a server that is away. */
class LogDamaged extends Error {
  override readonly name = 'LogDamaged';
}

/** How long the question may take: commands do not wait for a read model that is away. */
const QUESTION_MS = 1_000;
/** How soon it is asked again, if nobody could answer. */
const AGAIN_MS = 5_000;

/** Asks when it is first needed, and again whenever NATS was away. */
export function createWholeLog({ missing, onReconnect }: WholeLogOptions): WholeLog {
  let asked: Promise<string | undefined> | undefined;
  onReconnect(() => (asked = undefined));

  function why(): Promise<string | undefined> {
    if (asked) return asked;
    const answer = within(missing(), QUESTION_MS).then(
      (found) => {
        // It may be restored at any time.
        if (found !== undefined && asked === answer) asked = undefined;
        return found;
      },
      () => {
        setTimeout(() => (asked = undefined), AGAIN_MS).unref();
        return undefined;
      },
    );
    asked = answer;
    return answer;
  }

  async function requireWhole(): Promise<void> {
    const found = await why();
    if (found !== undefined) throw new LogDamaged(found);
  }

  return {
    commands: (commands) => ({
      ...commands,
      async carryOut(request, options) {
        const detail = await why();
        if (detail !== undefined) return { type: 'unavailable', code: 'dependency_unavailable', detail };
        return commands.carryOut(request, options);
      },
    }),
    events: (events) => ({
      async read(...asking) {
        await requireWhole();
        return events.read(...asking);
      },
      async lastOf(...asking) {
        await requireWhole();
        return events.lastOf(...asking);
      },
    }),
  };
}

async function within<Value>(answer: Promise<Value>, milliseconds: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), milliseconds);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
