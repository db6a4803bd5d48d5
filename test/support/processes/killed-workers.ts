/** A ledger whose worker is killed at a given step, and followed by another. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';
import type { CommandOutcome } from '../../../api/commands/commands.ts';
import { createCommands } from '../../../api/temporal/runner.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import { openTestLedger, type TestLedger } from '../ledgers/test-ledger.ts';

export type KilledWorkers = {
  /** Appends here and now, without a workflow. */
  readonly log: TestLedger;
  readonly client: Client;
  /** Asks as a client does that wants an answer: the same request again, until there is one. */
  readonly ask: (request: CommandRequest) => Promise<CommandOutcome>;
  /** How many workers have been killed. */
  readonly killed: () => number;
  readonly close: () => Promise<void>;
};

/**
 * Starts a worker that is killed right after its n-th command is in the log; never if `killAfter` is 0, and none if it
 * is not given.
 * @param env what the workers have in their environment besides
 */
export async function startKilledWorkers(
  killAfter?: number,
  env: Record<string, string> = {},
): Promise<KilledWorkers> {
  const log = await openTestLedger();
  const { temporalAddress, natsUrl, workflowBundle } = inject('servers');
  const connection = await Connection.connect({ address: temporalAddress });
  const namespace = log.ledger;
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  const client = new Client({ connection, namespace });
  await untilKnown(connection, namespace);
  let killed = 0;
  let closed = false;
  let running: ChildProcess | undefined;

  async function launch(after: number): Promise<void> {
    const script = fileURLToPath(new URL('./worker-process.ts', import.meta.url));
    const args = [script, natsUrl, temporalAddress, log.ledger, workflowBundle, String(after)];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    running = child;
    child.once('exit', (_code, signal) => {
      if (closed) return;
      if (signal === 'SIGKILL') killed += 1;
      void launch(0);
    });
    await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  }

  if (killAfter !== undefined) await launch(killAfter);
  const commands = createCommands(client);
  return {
    log,
    client,
    killed: () => killed,
    async ask(request) {
      for (;;) {
        const outcome = await commands.carryOut(request, { wait: true });
        if (outcome.type !== 'unavailable') return outcome;
      }
    },
    async close() {
      closed = true;
      running?.kill('SIGKILL');
      await connection.close();
      await log.close();
    },
  };
}

/** The server learns of a new namespace after a moment. */
async function untilKnown(connection: Connection, namespace: string): Promise<void> {
  for (;;) {
    try {
      await connection.workflowService.listWorkflowExecutions({ namespace });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
