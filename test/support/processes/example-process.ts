/** A program of `examples/` as a process of its own, beside a running Tallybook. */
import { spawn } from 'node:child_process';
import type { Throwaway } from '../../../dev/throwaway.ts';

export type Example = {
  /** What it has printed so far. */
  readonly output: () => string;
  /** The lines that it has printed so far, whole ones only. */
  readonly lines: () => string[];
  /** Gives its exit code: null if the signal ended it. */
  readonly kill: (signal: NodeJS.Signals) => Promise<number | null>;
  readonly exited: Promise<number | null>;
};

/** Starts `examples/<name>.ts` on the NATS and the Postgres of a Tallybook. */
export function startExample(tallybook: Throwaway, name: string, args: readonly string[] = []): Example {
  const child = spawn(process.execPath, [`examples/${name}.ts`, ...args], {
    env: {
      ...process.env,
      NATS_URL: `nats://127.0.0.1:${tallybook.natsPort}`,
      DATABASE_URL: tallybook.databaseUrl,
    },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    output: () => output,
    lines: () => output.split('\n').slice(0, -1),
    exited,
    kill: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}
