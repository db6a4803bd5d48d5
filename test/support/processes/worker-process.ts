/** A worker as a process of its own that kills itself, as SIGKILL does, right after the n-th command is in the log. */
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { createHttpRail } from '../../../rails/http-rail.ts';
import type { Rail } from '../../../rails/rail.ts';
import { connectToTemporal } from '../../../worker/connection.ts';
import { startWorker, type WorkerOptions } from '../../../worker/worker.ts';

const [natsUrl = '', temporalAddress = '', ledger = '', codePath = '', killAfter = '0'] =
  process.argv.slice(2);
let carriedOut = 0;

/** A payment rail, if the environment names one; it may ask for the kill right after the rail has taken a payment. */
const { RAIL_URL, KILL_AFTER_SUBMIT } = process.env;
function payments(url: string): NonNullable<WorkerOptions['payments']> {
  const rail = createHttpRail(url);
  const submit: Rail['submit'] = async (payment, signal) => {
    const status = await rail.submit(payment, signal);
    if (KILL_AFTER_SUBMIT) process.kill(process.pid, 'SIGKILL');
    return status;
  };
  const rails = new Map([['simulator', { ...rail, submit }]]);
  return { rails, timeoutMs: 500, pollMs: 200, patienceMs: 60_000 };
}

await startWorker({
  connection: await connectToTemporal(temporalAddress),
  nc: await connectToNats(natsUrl, 'test-worker'),
  // A namespace of its own: no other test's worker may take what this one left behind.
  namespace: ledger,
  ledger,
  streamReplicas: 1,
  queueMax: 1_000,
  workflowBundle: { codePath },
  ...(RAIL_URL === undefined ? {} : { payments: payments(RAIL_URL) }),
  observer: {
    began: () => {},
    appended: () => {},
    carriedOut() {
      carriedOut += 1;
      if (carriedOut === Number(killAfter)) process.kill(process.pid, 'SIGKILL');
    },
  },
});
process.stdout.write('ready\n');
