import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { blocksOf, cutOff, flipBitIn } from '../../chaos/infra/store-damage.ts';
import { positionSubject, streamName } from '../../contracts/subjects.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { startNats } from '../../dev/servers/servers.ts';
import { createAppender } from '../../eventlog/append/appender.ts';
import { LogDamaged } from '../../eventlog/errors.ts';
import { connectToNats } from '../../eventlog/nats/connection.ts';
import { openLog } from '../../eventlog/nats/stream.ts';
import { createEventReader } from '../../eventlog/read/reader.ts';
import type { CommandRequest } from '../../messages/commands.ts';
import { createAccount, moveMoney } from '../support/ledgers/test-ledger.ts';

const ledger = 'damaged';
/** About the bytes that a stored event takes here. */
const EVENT_BYTES = 900;

let cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
  cleanUp = [];
});

/** A log in which `a` has paid `b` 60 and then 10 of the 100 that it had; its server has ended. */
async function someLog(end: 'stopped' | 'killed') {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallybook-damage-'));
  cleanUp.push(() => rm(dataDir, { recursive: true, force: true }));
  const port = await freePort();
  const first = await serve(dataDir, port);
  for (const id of ['a', 'b']) await first.submit(createAccount(id));
  await first.submit(moveMoney('t1', { source: 'world_EUR', destination: 'a', amount: '100' }));
  await first.submit(moveMoney('t2', { source: 'a', destination: 'b', amount: '60' }));
  await first.submit(moveMoney('t3', { source: 'a', destination: 'b', amount: '10' }));
  const position = await first.reader.lastPosition();
  await first.nc.close();
  if (end === 'stopped') await first.nats.stop();
  else first.nats.kill();
  await first.nats.exited;
  const [block = ''] = await blocksOf(join(dataDir, 'nats'), streamName(ledger));
  return { block, position, startAgain: () => serve(dataDir, port) };
}

async function serve(dataDir: string, port: number) {
  const nats = await startNats({ port, dataDir, password: 'test' });
  cleanUp.push(() => nats.stop());
  const nc = await connectToNats(nats.url, 'test');
  cleanUp.push(() => nc.close());
  const { warnings } = await openLog(nc, { ledger, replicas: 1 });
  const reader = createEventReader(nc, ledger);
  const appender = createAppender(nc, reader, { ledger, clock: () => new Date() });
  const submit = (request: CommandRequest) => appender.submit({ request, workflowId: 'test' });
  return { nats, nc, reader, submit, warnings };
}

const more = (id = 't4') => moveMoney(id, { source: 'b', destination: 'a', amount: '65' });

test('one bit of an account’s last event: its balance is not told, and nobody decides without it', async () => {
  const { block, position, startAgain } = await someLog('stopped');
  // The last event of `a` is the withdrawal of t3, whose place in the file the balance tells.
  await flipBitIn(block, '"posted":"30"');
  const { reader, submit } = await startAgain();
  await expect(reader.lastOf('a', { position })).rejects.toThrow(LogDamaged);
  await expect(submit(more())).rejects.toThrow(LogDamaged);
  await expect(follow(reader)).rejects.toThrow('The log is damaged');
  // What is whole is still told.
  expect((await reader.lastOf('b', { position }))?.data.balances.posted).toBe('70');
});

test('the end that the server drops at a broken event: who remembers how far it went lets nobody decide', async () => {
  const { block, startAgain } = await someLog('killed');
  await flipBitIn(block, '"posted":"30"');
  const { submit, nc } = await startAgain();
  // What a projector or the API does, whose read model has got that far.
  nc.publish(positionSubject(ledger, 'balances'), '11');
  await nc.flush();
  await expect(submit(more())).rejects.toThrow(/The log ends at position 8, but has gone to 11/);
});

test('a file that was cut off, where the server knows how far it went: commands and balances are refused', async () => {
  const { block, position, startAgain } = await someLog('stopped');
  await cutOff(block, 3 * EVENT_BYTES);
  const { reader, submit, warnings } = await startAgain();
  expect(warnings[0]).toMatch(/is damaged: it goes to position 11, but has \d events/);
  await expect(reader.verifiedEnd()).rejects.toThrow(LogDamaged);
  await expect(reader.lastOf('b', { position })).rejects.toThrow(LogDamaged);
  await expect(submit(more())).rejects.toThrow(LogDamaged);
});

test('a file that was cut off in the middle of a batch, and nobody remembers: half a batch is noticed', async () => {
  const { block, startAgain } = await someLog('killed');
  await cutOff(block, EVENT_BYTES / 2);
  const { reader, submit, warnings } = await startAgain();
  expect(warnings[0]).toMatch(/the batch that its last event at position 10 belongs to is not whole/);
  await expect(reader.verifiedEnd()).rejects.toThrow(LogDamaged);
  await expect(submit(more())).rejects.toThrow(LogDamaged);
});

async function follow(reader: ReturnType<typeof createEventReader>): Promise<void> {
  for await (const events of reader.follow(0, AbortSignal.timeout(5_000))) if (events.length > 100) return;
}
