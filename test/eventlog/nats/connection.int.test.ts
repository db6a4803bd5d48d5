import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../../dev/servers/ports.ts';
import { startNats } from '../../../dev/servers/servers.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';

test('a connection outlives a server that turns it away for a while', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallybook-login-'));
  const port = await freePort();
  let nats = await startNats({ port, dataDir, password: 'right' });
  const nc = await connectToNats(nats.url, 'test');
  let refused = 0;
  void (async () => {
    for await (const status of nc.status()) if (status.type === 'error') refused += 1;
  })();
  try {
    await nats.stop();
    nats = await startNats({ port, dataDir, password: 'another' });
    // The driver gives up for ever at the second one, unless it is told not to.
    await expect.poll(() => nc.isClosed() || refused > 2, { timeout: 20_000 }).toBe(true);
    await nats.stop();
    nats = await startNats({ port, dataDir, password: 'right' });
    await expect
      .poll(() => nc.request('$JS.API.INFO').then(() => 'answered', String), { timeout: 20_000 })
      .toBe('answered');
  } finally {
    await nc.close();
    await nats.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});
