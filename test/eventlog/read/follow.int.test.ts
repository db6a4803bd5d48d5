import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../../../chaos/infra/fault-proxy.ts';
import {
  createAccount,
  moveMoney,
  openTestLedger,
  type Hand,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';

let log: TestLedger;
let proxy: FaultProxy;
let far: Hand;
beforeAll(async () => {
  log = await openTestLedger();
  await log.submit(createAccount('alice'));
  const { natsUrl } = inject('servers');
  proxy = await startFaultProxy(natsUrl);
  far = await log.join({ url: natsUrl.replace(/:\d+$/, `:${proxy.port}`) });
});
afterAll(async () => {
  await log.close();
  await proxy.close();
});

let made = 0;
const deposit = async () =>
  log.submit(moveMoney(`t${(made += 1)}`, { source: 'world_EUR', destination: 'alice', amount: '1' }));

/** Resolves when the connection through the proxy is there again. */
async function reconnected(): Promise<void> {
  const statuses = far.nc.status();
  for await (const { type } of statuses) if (type === 'reconnect') return;
}

/** What comes through the proxy, until the test ends. */
function following() {
  const seen: number[] = [];
  const stop = new AbortController();
  const done = (async () => {
    for await (const events of far.reader.follow(0, stop.signal)) {
      expect(events.at(-1)?.batch?.last ?? true).toBe(true);
      seen.push(...events.map(({ position }) => position));
    }
  })();
  return {
    seen,
    end: async () => {
      stop.abort();
      await done;
    },
  };
}

const upTo = (last: number) => Array.from({ length: last }, (_, at) => at + 1);

describe('following the log', () => {
  test('goes on within seconds after a connection that was lost again before the server had answered', async () => {
    const { seen, end } = following();
    await deposit();
    await expect.poll(() => seen.at(-1)).toBe(await log.reader.lastPosition());
    const back = reconnected();
    proxy.cut();
    await back;
    // The client asks now what has become of its consumer, and is never answered.
    proxy.dropReplies();
    const again = reconnected();
    await deposit();
    proxy.cut();
    await again;
    await deposit();
    const last = await log.reader.lastPosition();
    await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toBe(last);
    expect(seen).toEqual(upTo(last));
    await end();
  });
});
