/**
 * The command line: `npm run ledger -- <command>`. It reads the ledger's servers; only `import` and
 * `restore` write to the log.
 */
import { readConfig } from '../runtime/config.ts';
import { createOutput } from './io/output.ts';
import { createProgress } from './io/progress.ts';
import { run } from './run.ts';

process.exitCode = await run(process.argv.slice(2), readConfig, {
  ...createOutput(process.stdout),
  tell: (line) => console.error(line),
  progress: createProgress(process.stderr),
  async connectToTemporal() {
    const { temporalAddress, temporalNamespace } = readConfig();
    // Its client takes a moment to load, and few commands need it.
    const { connectRecovery: connectResuming } = await import('../api/temporal/recovery.ts');
    return await connectResuming(temporalAddress, temporalNamespace);
  },
});
