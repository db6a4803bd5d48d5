/** The command line: `npm run ledger -- <command>`. It reads the ledger's servers; only `import` writes to the log. */
import { readConfig } from '../config.ts';
import { createOutput } from './output.ts';
import { createProgress } from './progress.ts';
import { run } from './run.ts';

process.exitCode = await run(process.argv.slice(2), readConfig, {
  ...createOutput(process.stdout),
  tell: (line) => console.error(line),
  progress: createProgress(process.stderr),
});
