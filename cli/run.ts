import { LogUnavailable } from '../eventlog/errors.ts';

/** Runs what a command line asks for. */
import { connectToNats } from '../eventlog/nats/connection.ts';
import { createEventReader } from '../eventlog/read/reader.ts';
import { parse } from './arguments.ts';
import {
  CannotRun,
  EXIT,
  type Command,
  type Connected,
  type Context,
  type ExitCode,
  type Settings,
  type Terminal,
} from './command.ts';
import { backupCommand } from './commands/backup.ts';
import { exportCommand } from './commands/export.ts';
import { historyCommand } from './commands/history.ts';
import { importCommand } from './commands/import.ts';
import { parkedCommand } from './commands/parked.ts';
import { rebuildCommand } from './commands/rebuild.ts';
import { replayCommand } from './commands/replay.ts';
import { restoreCommand } from './commands/restore.ts';
import { resumeCommand } from './commands/resume.ts';
import { stateCommand } from './commands/state.ts';
import { verifyCommand } from './commands/verify.ts';

const COMMANDS: readonly Command[] = [
  verifyCommand,
  historyCommand,
  stateCommand,
  exportCommand,
  importCommand,
  backupCommand,
  restoreCommand,
  resumeCommand,
  replayCommand,
  rebuildCommand,
  parkedCommand,
];

/** Somebody waits for the answer; and what does not answer now will hardly in ten seconds. */
const CONNECT_PATIENCE_MS = 2_000;

/**
 * Never throws: what goes wrong is told in one line.
 * @param settings asked for when a command needs them, so that help is given whatever the environment says
 */
export async function run(
  args: readonly string[],
  settings: () => Settings,
  terminal: Terminal & Partial<Pick<Context, 'connectToTemporal'>>,
): Promise<ExitCode> {
  try {
    const parsed = parse(args, COMMANDS);
    if (parsed.command) {
      return await runCommand(parsed, { connectToTemporal: noTemporal, ...settings(), ...terminal });
    }
    await terminal.write(`${parsed.help}\n`);
    return args.length === 0 ? EXIT.couldNotRun : EXIT.fine;
  } catch (error) {
    terminal.progress.clear();
    terminal.tell(error instanceof Error ? error.message : String(error));
    return EXIT.couldNotRun;
  }
}

async function runCommand(
  { command, input }: Extract<ReturnType<typeof parse>, { input: unknown }>,
  settings: Omit<Context, 'connect'>,
): Promise<ExitCode> {
  let connected: Promise<Connected> | undefined;
  let temporal: ReturnType<Context['connectToTemporal']> | undefined;
  const connect = async () => {
    const nc = await connectToNats(settings.natsUrl, 'tallybook-cli', CONNECT_PATIENCE_MS);
    return { nc, reader: createEventReader(nc, settings.ledger) };
  };
  const context: Context = {
    ...settings,
    connect: () => (connected ??= connect()),
    connectToTemporal: () => (temporal ??= settings.connectToTemporal()),
  };
  try {
    return await command.run(input, context);
  } catch (error) {
    if (!(error instanceof LogUnavailable) || error.message !== 'stream not found') throw error;
    const missing = `There is no ledger "${settings.ledger}" on this NATS server. LEDGER names another one.`;
    throw new LogUnavailable(missing, { cause: error });
  } finally {
    settings.progress.clear();
    await (await temporal?.catch(() => undefined))?.close();
    const { nc } = (await connected?.catch(() => undefined)) ?? {};
    await nc?.close();
  }
}

function noTemporal(): never {
  throw new CannotRun('There is no Temporal here.');
}
