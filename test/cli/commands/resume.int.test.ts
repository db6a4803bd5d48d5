/** What waits in a log has workflows again, though Temporal never knew, or has forgotten it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createBulkStore } from '../../../bulks/store.ts';
import { scheduleWorkflowId } from '../../../messages/firings.ts';
import {
  newSchedule,
  inSeconds,
  openScheduleLedger,
  type ScheduleLedger,
} from '../../support/ledgers/schedules.ts';
import { changeHold, moveMoney, placeHold, step } from '../../support/ledgers/test-ledger.ts';
import { commandLine, type Ran } from '../command-line.ts';
import { LATER } from '../some-ledger.ts';

let ledger: ScheduleLedger;
let cli: (...args: string[]) => Promise<Ran>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallybook-resume-'));
  ledger = await openScheduleLedger();
  const { natsUrl, temporalAddress: address } = inject('servers');
  const name = ledger.workers.log.ledger;
  cli = commandLine({ ledger: name, natsUrl }, { address, namespace: name });
}, 60_000);
afterAll(async () => {
  await ledger.workers.close();
  await rm(folder, { recursive: true, force: true });
});

const namesOf = async (id: string) =>
  (await ledger.workers.log.allEvents())
    .filter(({ aggregateId, aggregate }) => aggregateId === id && aggregate !== 'account')
    .map(({ name }) => name);

test('transfers, holds and bulks go on from the log, once each', async () => {
  const { log, client } = ledger.workers;
  const between = { source: 'a', destination: 'b', amount: '1' };
  await log.submit(moveMoney('approval', between, { approval_expires_at: LATER }));
  await log.submit(moveMoney('dated', between, { scheduled_for: inSeconds(3) }));
  await log.submit(placeHold('hold', { account: 'a', amount: '1' }, { expires_at: inSeconds(3) }));
  await log.submit(placeHold('endless', { account: 'a', amount: '1' }));
  await log.submit(placeHold('extended', { account: 'a', amount: '1' }));
  await log.submit(changeHold('extended', { type: 'hold.extend', expires_at: inSeconds(3) }));
  await log.submit(moveMoney('parked', between, { rail: 'sepa' }));
  await log.submit(step('parked', { type: 'transfer.park', reason: 'no answer' }));
  const store = createBulkStore(log.nc, log.ledger);
  const bulk = `bulk_${randomUUID().slice(0, 8)}`;
  const meta = {
    command_id: 'c',
    requested_at: LATER,
    actor: 'test',
    fingerprint: 'f',
    idempotency_key: 'k',
  };
  await store.create({ id: bulk, meta }, [
    { ...between, currency: 'EUR', metadata: {}, transfer: 'of-bulk' },
  ]);

  const first = await cli('resume');
  expect(first).toMatchObject({ code: 0, errors: '' });
  expect(first.out).toContain('4 transfers and holds wait: 4 workflows were started, 0 were running');
  expect(first.out).toContain('1 bulks are not done: 1 workflows were started');
  const ended: [string, string[]][] = [
    ['dated', ['TransferRequested', 'TransferCompleted']],
    ['hold', ['HoldPlaced', 'HoldExpired']],
    ['extended', ['HoldPlaced', 'HoldExtended', 'HoldExpired']],
    ['of-bulk', ['TransferCompleted']],
    ['approval', ['TransferRequested']],
    ['endless', ['HoldPlaced']],
    ['parked', ['TransferRequested', 'TransferParked']],
  ];
  for (const [id, names] of ended) await expect.poll(() => namesOf(id), { timeout: 30_000 }).toEqual(names);
  await expect
    .poll(() => store.results(bulk, 0), { timeout: 30_000 })
    .toMatchObject({ counts: { posted: 1 } });

  const second = await cli('resume');
  expect(second.out).toContain('1 transfers and holds wait: 0 workflows were started, 1 were running');
  expect(second.out).toContain('0 bulks are not done');
  const workflow = client.workflow.getHandle('transfer/approval');
  await workflow.terminate('by mistake');
  expect((await cli('resume')).out).toContain('1 workflows were started, 0 were running');
  await workflow.executeUpdate('approve');
  await expect
    .poll(() => namesOf('approval'))
    .toEqual(['TransferRequested', 'TransferApproved', 'TransferCompleted']);
}, 120_000);

test('schedules are made again as they were: going, paused, and deleted', async () => {
  const { client, log } = ledger.workers;
  const yearly = { cron: '0 9 1 1 *', time_zone: 'Europe/Berlin' };
  const [going, paused, deleted] = [
    newSchedule(yearly),
    newSchedule({ every_seconds: 86_400 }),
    newSchedule(yearly),
  ];
  for (const schedule of [going, paused, deleted]) await ledger.make(schedule);
  await ledger.schedules.pause(paused.id, 'on holiday');
  await ledger.schedules.remove(deleted.id);
  const now = () => Promise.all([going, paused, deleted].map(({ id }) => ledger.schedules.find(id)));
  const before = await now();
  const backup = join(folder, log.ledger);
  // The bulk has three parts. Temporal lists a schedule a moment after it was made.
  await expect
    .poll(async () => (await cli('backup', backup)).out, { timeout: 30_000 })
    .toMatch(/ 6 things beside the log/);
  for (const { id } of [going, paused, deleted]) {
    await client.schedule.getHandle(scheduleWorkflowId(id)).delete();
  }
  expect(await now()).toEqual([undefined, undefined, undefined]);
  expect((await cli('resume', backup)).out).toContain('3 schedules were made, 0 were there');
  expect(await now()).toEqual(before);
  // Keys mean what they meant.
  for (const schedule of [going, deleted]) {
    expect(await ledger.schedules.create(schedule)).toMatchObject({ replayed: true });
  }
  expect((await cli('resume', backup)).out).toContain('0 schedules were made, 3 were there');
}, 120_000);
