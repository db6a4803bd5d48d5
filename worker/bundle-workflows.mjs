/** Bundles the workflows whose path is given, and writes the code to standard output. See workflow-bundle.ts. */
import { bundleWorkflowCode } from '@temporalio/worker';

const silent = () => {};
const logger = {
  log: silent,
  trace: silent,
  debug: silent,
  info: silent,
  warn: console.error,
  error: console.error,
};

const { code } = await bundleWorkflowCode({ workflowsPath: process.argv[2], logger });
process.stdout.write(code);
