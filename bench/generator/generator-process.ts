/** The load generator: carries out one task after another, and ends with its parent. */
import { accountIds, type Measured, type Task } from '../task.ts';
import { oneBulk } from './bulk.ts';
import { createHttpPool } from './http-pool.ts';
import { closedLoop, openLoop } from './load.ts';
import { asking } from './operations.ts';
import { readYourWrites } from './read-your-writes.ts';
import { watchVisibility } from './visibility.ts';

/** Connections of an open loop; what finds none free waits, and its wait counts. */
const CONNECTIONS_MAX = 1_024;

process.on('message', (task: Task) => {
  measure(task).then(
    (measured) => process.send?.({ measured }),
    (error: unknown) => process.send?.({ failed: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function measure(task: Task): Promise<Measured> {
  const before = process.cpuUsage();
  const measured = await carryOut(task);
  const { user, system } = process.cpuUsage(before);
  return measured.done === 0 ? measured : { ...measured, cpuMicros: (user + system) / measured.done };
}

function carryOut(task: Task): Promise<Measured> {
  switch (task.type) {
    case 'load':
      return load(task);
    case 'bulk':
      return oneBulk(task.url, task);
    case 'read your writes':
      return readYourWrites({ ...task, accounts: accountIds(task.accounts) });
  }
}

async function load({ url, operation, loop, seconds, watch }: Extract<Task, { type: 'load' }>) {
  const pool = createHttpPool(url, loop.type === 'closed' ? loop.clients : CONNECTIONS_MAX);
  try {
    const visibility = watch ? watchVisibility(pool) : undefined;
    const ask = asking(pool, operation, visibility?.observe);
    const measured =
      loop.type === 'closed'
        ? await closedLoop(ask, { ...loop, seconds })
        : await openLoop(ask, { ...loop, seconds });
    if (!visibility) return measured;
    const { failures, ...visible } = await visibility.measured();
    return { ...measured, visible, failures: { ...measured.failures, ...failures } };
  } finally {
    pool.close();
  }
}
