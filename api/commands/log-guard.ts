/**
 * Takes no command, and reads nothing from the log, while the read model knows more than the log: then the log has lost
 * its end. What was decided now would take the place of what is missing.
 */
import type { EventReader } from '../../eventlog/read/event-reader.ts';
import { withTimeLimit } from '../../runtime/time-limit.ts';
import type { Commands } from './commands.ts';

export type LogGuardOptions = {
  /** Why the log has lost something; undefined if it has not. */
  readonly missing: () => Promise<string | undefined>;
  /** Calls back when the log's server may have been another one in the meantime. */
  readonly onReconnect: (again: () => void) => void;
};

export type LogGuard = {
  /** The same commands, refused while something is missing. */
  readonly commands: (commands: Commands) => Commands;
  /** The same reader, which then throws. */
  readonly events: (events: Reading) => Reading;
};

type Reading = Pick<EventReader, 'read' | 'first' | 'lastOf'>;

/** The log has lost its end; by its name it is answered as a server that is away. */
class LogDamaged extends Error {
  override readonly name = 'LogDamaged';
}

/** How long the question may take: commands do not wait for a read model that is away. */
const CHECK_MS = 1_000;
/** How soon it is asked again, if nobody could answer. */
const RECHECK_MS = 5_000;

/** Asks when it is first needed, and again whenever NATS was away. */
export function createLogGuard({ missing, onReconnect }: LogGuardOptions): LogGuard {
  let checked: Promise<string | undefined> | undefined;
  onReconnect(() => (checked = undefined));

  function damage(): Promise<string | undefined> {
    if (checked) return checked;
    const check = withTimeLimit(missing(), CHECK_MS, unanswered).then(
      (found) => {
        // It may be restored at any time.
        if (found !== undefined && checked === check) checked = undefined;
        return found;
      },
      () => {
        setTimeout(() => (checked = undefined), RECHECK_MS).unref();
        return undefined;
      },
    );
    checked = check;
    return check;
  }

  async function requireUndamaged(): Promise<void> {
    const found = await damage();
    if (found !== undefined) throw new LogDamaged(found);
  }

  return {
    commands: (commands) => ({
      ...commands,
      async carryOut(request, options) {
        const detail = await damage();
        if (detail !== undefined) return { type: 'unavailable', code: 'dependency_unavailable', detail };
        return commands.carryOut(request, options);
      },
    }),
    events: (events) => ({
      async read(...query) {
        await requireUndamaged();
        return events.read(...query);
      },
      async first(...query) {
        await requireUndamaged();
        return events.first(...query);
      },
      async lastOf(...query) {
        await requireUndamaged();
        return events.lastOf(...query);
      },
    }),
  };
}

function unanswered(): never {
  throw new Error('no answer in time');
}
