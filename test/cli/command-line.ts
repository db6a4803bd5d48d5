/** The command line: in this process, without the process itself, or as one. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { connectRecovery } from '../../api/temporal/recovery.ts';
import type { ExitCode, Settings } from '../../cli/command.ts';
import { createProgress } from '../../cli/io/progress.ts';
import { run } from '../../cli/run.ts';

export type Ran = {
  readonly code: ExitCode;
  readonly out: string;
  /** What was told beside the data. */
  readonly errors: string;
};

/** Nothing listens here: no read model is at hand. */
export const NO_DATABASE = 'postgres://nobody@127.0.0.1:1/none';

/** Nor here. */
const NO_TEMPORAL = '127.0.0.1:1';

/** A command line with the settings of one ledger. */
export function commandLine(
  settings: Pick<Settings, 'ledger' | 'natsUrl'> & Partial<Settings>,
  temporal = { address: NO_TEMPORAL, namespace: 'default' },
) {
  return async (...args: string[]): Promise<Ran> => {
    const [out, errors]: [string[], string[]] = [[], []];
    const all = { databaseUrl: NO_DATABASE, streamReplicas: 1, ...settings };
    const code = await run(args, () => all, {
      connectToTemporal: () => connectRecovery(temporal.address, temporal.namespace),
      write: (text) => Promise.resolve(void out.push(text)),
      tell: (line) => errors.push(line),
      progress: createProgress({ isTTY: false, write: () => true }),
    });
    return { code, out: out.join(''), errors: errors.join('\n') };
  };
}

/** The command line as a process of its own. */
export function ledgerProcess(
  args: readonly string[],
  env: Record<string, string>,
): ChildProcessByStdio<Writable, Readable, Readable> {
  return spawn(process.execPath, ['cli/main.ts', ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, DATABASE_URL: NO_DATABASE, ...env },
    stdio: 'pipe',
  });
}
