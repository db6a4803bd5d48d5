/** Takes the command line apart, and says how it is used. */
import { parseArgs } from 'node:util';
import { WrongUsage, type Command, type Input, type Option } from './command.ts';

const CALL = 'npm run ledger --';
const HELP: Option = { text: 'this text' };

/** A command with what stands behind its name, or a help text that was asked for. */
export type ParsedCommand =
  | { readonly command: Command; readonly input: Input }
  | { readonly command: undefined; readonly help: string };

/** @throws WrongUsage with a hint */
export function parse(args: readonly string[], commands: readonly Command[]): ParsedCommand {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const requested = commands.find((command) => command.name === rest[0]);
    return { command: undefined, help: requested ? helpOf(requested) : overview(commands) };
  }
  const command = commands.find((each) => each.name === name);
  if (!command) throw new WrongUsage(`There is no command "${name}". "${CALL} --help" lists them.`);
  const { values, positionals } = parsed(command, rest);
  if (values.help === true) return { command: undefined, help: helpOf(command) };
  const [least, most] = command.positionals;
  if (positionals.length < least || positionals.length > most) {
    throw new WrongUsage(`Use it as: ${usage(command)}`);
  }
  const value = (option: string) => {
    const found = values[option];
    return typeof found === 'string' ? found : undefined;
  };
  return { command, input: { positionals, flag: (option) => values[option] === true, value } };
}

function parsed(
  command: Command,
  args: string[],
): { values: Record<string, unknown>; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, help: HELP }).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    return parseArgs({
      args,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error) {
    const problem = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new WrongUsage(`${problem}. "${CALL} ${command.name} --help" says what it takes.`, {
      cause: error,
    });
  }
}

function usage({ name, takes }: Command): string {
  return [CALL, name, takes].filter((part) => part !== '').join(' ');
}

function overview(commands: readonly Command[]): string {
  return [
    `Usage: ${CALL} <command>`,
    '',
    ...columns(commands.map(({ name, takes, summary }) => [`${name} ${takes}`.trim(), summary])),
    '',
    `"${CALL} <command> --help" says more of one. All read the settings of "npm start" from the environment:`,
    'NATS_URL or NATS_PORT, NATS_PASSWORD, LEDGER (main), DATABASE_URL or READ_MODEL_PORT and DATA_DIR.',
    '',
    'Exit codes: 0 fine, 1 the ledger (or the file) is broken, 2 the command could not run.',
  ].join('\n');
}

function helpOf(command: Command): string {
  const options = Object.entries({ ...command.options, help: HELP }).map(
    ([name, { value, text }]): [string, string] => [
      value === undefined ? `--${name}` : `--${name} ${value}`,
      text,
    ],
  );
  return [
    `Usage: ${usage(command)}`,
    '',
    command.summary,
    '',
    command.help,
    '',
    'Options:',
    ...columns(options),
  ].join('\n');
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(
    ([left, right]) => `  ${left.padEnd(width)}  ${right.replaceAll('\n', `\n${' '.repeat(width + 4)}`)}`,
  );
}
