import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startFaultProxy } from '../../../chaos/infra/fault-proxy.ts';
import { publishAtomically, type BatchMessage } from '../../../eventlog/append/batch.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { openLog } from '../../../eventlog/nats/stream.ts';
import { createEventReader } from '../../../eventlog/read/reader.ts';
import { headerLine } from '../../../eventlog/wire/headers.ts';

/** These tests are about the wire, so the messages need not be events. */
const ledger = `b-${randomUUID().slice(0, 8)}`;
let nc: NatsConnection;
beforeAll(async () => {
  nc = await connectToNats(inject('servers').natsUrl, 'test');
  await openLog(nc, { ledger, replicas: 1 });
});
afterAll(() => nc.close());

function message(
  id: string,
  options: { after?: number; headers?: string; event?: string } = {},
): BatchMessage {
  const { after, headers = '', event = '>' } = options;
  const subject = `ledger.${ledger}.account.${id}.${event}`;
  return {
    subject: `append.${ledger}.account.${id}.created`,
    headers,
    payload: Buffer.from('{}'),
    ...(after === undefined ? {} : { guard: { subject, sequence: () => after } }),
  };
}

const send = (messages: BatchMessage[], connection = nc, timeoutMs = 2_000) =>
  publishAtomically(connection, messages, { batchId: randomUUID(), timeoutMs });
const last = () => createEventReader(nc, ledger).lastPosition();

describe('an atomic append', () => {
  test('that is stored tells the position of its first message', async () => {
    const before = await last();
    expect(await send([message('a1'), message('a2'), message('a3')])).toEqual({
      type: 'stored',
      first: before + 1,
    });
    expect(await last()).toBe(before + 3);
    expect(await send([message('a4')])).toEqual({ type: 'stored', first: before + 4 });
  });

  test('of which one guard does not hold (10071) is a conflict, and none of it is stored', async () => {
    await send([message('b1', { after: 0 })]);
    const before = await last();
    const result = await send([message('b2', { after: 0 }), message('b1', { after: 0 }), message('b3')]);
    expect(result).toMatchObject({ type: 'conflict', detail: expect.stringMatching(/^10071 /) as string });
    expect(await last()).toBe(before);
  });

  test('that guards the very subject of two of its messages (10164) is a conflict, and none of it is stored', async () => {
    const before = await last();
    const twice = message('c1', { after: 0, event: 'created' });
    const result = await send([twice, twice]);
    expect(result).toMatchObject({ type: 'conflict', detail: expect.stringMatching(/^10164 /) as string });
    expect(await last()).toBe(before);
  });

  test('with a message that is known already (10201) may have been stored before: unknown', async () => {
    const known = { headers: headerLine('Nats-Msg-Id', `once-${ledger}`) };
    await send([message('d1', known), message('d2')]);
    const before = await last();
    const result = await send([message('d1', known), message('d2')]);
    expect(result).toMatchObject({ type: 'unknown', detail: expect.stringMatching(/^10201 /) as string });
    expect(await last()).toBe(before);
  });
});

/** A connection that can be cut. */
async function far() {
  const proxy = await startFaultProxy(inject('servers').natsUrl);
  const url = new URL(inject('servers').natsUrl);
  url.port = String(proxy.port);
  return { proxy, connection: await connectToNats(url.href, 'test') };
}

describe('an atomic append without an answer', () => {
  test('in time is unknown, though it was stored', async () => {
    const { proxy, connection } = await far();
    const before = await last();
    proxy.dropReplies();
    const result = await send([message('e1'), message('e2')], connection, 300);
    expect(result.type).toBe('unknown');
    expect(await last()).toBe(before + 2);
    await connection.close();
    await proxy.close();
  });

  test('because the connection broke after sending is unknown, though it was stored', async () => {
    const { proxy, connection } = await far();
    const before = await last();
    proxy.dropReplies();
    const pending = send([message('f1'), message('f2')], connection);
    await expect.poll(last).toBe(before + 2);
    proxy.cut();
    // The message is there before its acknowledgement: a client that is back in time would still hear it.
    proxy.dropReplies();
    expect((await pending).type).toBe('unknown');
    await connection.close();
    await proxy.close();
  });

  test('because it never arrived is unknown as well, and nothing is stored', async () => {
    const { proxy, connection } = await far();
    const before = await last();
    proxy.hold();
    expect((await send([message('g1'), message('g2')], connection, 300)).type).toBe('unknown');
    expect(await last()).toBe(before);
    proxy.cut();
    await connection.close();
    await proxy.close();
  });
});
