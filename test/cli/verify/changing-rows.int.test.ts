/**
 * Rows that change, on the real Postgres that the run started, held against the log: with all of the log in one range,
 * as `verify` reads a short one, and with each batch in a range of its own, as if it were long.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { ReadModelCheck } from '../../../cli/verify/read-model-check.ts';
import type { RecordedEvent } from '../../../contracts/events.ts';
import type { Finding } from '../../../eventlog/audit/finding.ts';
import { readPosition } from '../../../projector/tables/checkpoint.ts';
import { connectReadModel, type ReadModel } from '../../../projector/tables/database.ts';
import { ensureSchema } from '../../../projector/tables/schema.ts';
import { openReadModel, project as projectEvents } from '../../projector/test-read-model.ts';
import type { TestLedger } from '../../support/ledgers/test-ledger.ts';
import { commandLine } from '../command-line.ts';
import { openWaitingLedger } from '../some-ledger.ts';

const LAST = 51;

let log: TestLedger;
let events: RecordedEvent[];
let db: ReadModel;
beforeAll(async () => {
  log = await openWaitingLedger();
  events = await log.allEvents();
});
afterAll(() => log.close());
beforeEach(async () => {
  db = await openReadModel();
});
afterEach(async () => db.end());

/** Brings the read model up to a position. */
async function project(to: number): Promise<void> {
  await projectEvents(
    db,
    events.filter(({ position }) => position <= to),
  );
}

/**
 * What is found when the log is read up to where the read model is.
 * @param meanwhile is told each position to which the log is read on, before that is done
 */
async function check(
  rangeMin: number,
  meanwhile: (to: number) => Promise<void> = async () => {},
): Promise<{ finding: Finding | undefined; position: number }> {
  const model = new ReadModelCheck(db, rangeMin);
  let read = 0;
  const readOn = async (to: number): Promise<Finding | undefined> => {
    await meanwhile(to);
    for (; read < to; read += 1) {
      const event = events[read]!;
      const finding = await model.add(event, event.batch?.last ?? true);
      if (finding) return finding;
    }
    return undefined;
  };
  const finding = (await readOn(await readPosition(db))) ?? (await model.compareAccounts(readOn));
  return { finding, position: model.position };
}

/** The positions at which batches end. */
const ends = () => events.filter(({ batch }) => batch?.last ?? true).map(({ position }) => position);

describe('rows that change', () => {
  test('are as the log says, wherever the read model is', async () => {
    for (const end of ends()) {
      await project(end);
      expect(await check(1)).toEqual({ finding: undefined, position: end });
      expect(await check(1_000)).toEqual({ finding: undefined, position: end });
    }
    expect(ends().at(-1)).toBe(LAST);
  });

  test('may go on changing while they are compared, and are followed to where they are', async () => {
    for (const start of [3, 8, 17, 35, 46]) {
      await db.end();
      db = await openReadModel();
      await project(start);
      // Each time before more of the log is read, the projector is one batch ahead.
      const compared = await check(1, (to) => project(ends().find((end) => end > to) ?? LAST));
      expect(compared.finding).toBeUndefined();
      expect(compared.position).toBeGreaterThanOrEqual(start);
    }
  });

  test('are compared where they are, even if they moved when everything else had been compared', async () => {
    await project(8);
    let asked = 0;
    const { finding, position } = await check(1_000, async () => {
      asked += 1;
      if (asked !== 2) return;
      // The accounts are known as they were at 8, and the transfer is about to be looked for there.
      await project(14);
      await db.sql`update ${db.table('transfers')} set status = 'failed' where id = 't1'`;
    });
    expect(finding).toMatchObject({ position: 13, subject: 'transfers' });
    expect(finding?.message).toMatch(/^status is "failed"/);
    expect(position).toBe(14);
  });

  test('are compared by the command as well', async () => {
    const { natsUrl, databaseUrl } = inject('servers');
    const own = connectReadModel(databaseUrl, log.ledger);
    const run = commandLine({ ledger: log.ledger, natsUrl, databaseUrl });
    await ensureSchema(own);
    await projectEvents(own, events);
    expect((await run('verify', '--read-model')).out).toMatch(/equals the log up to position 51\n/);
    await own.sql`update ${own.table('holds')} set status = 'voided' where id = 'h2'`;
    const broken = await run('verify');
    expect(broken).toMatchObject({ code: 1, out: expect.stringContaining('subject   holds') });
    expect(broken.out).toContain('position  36');
    await own.end();
  });
});

type Expected = {
  readonly table?: string;
  /** Of the finding, with all of the log in one range: where the row should stand, or stands. */
  readonly position: number;
  /** With a range for each batch, if it is another: the first event that the row does not fit. */
  readonly split?: number;
  readonly message: RegExp;
};

/** What is done to the rows, and what is found. */
const TAMPERED: [string, string, Expected][] = [
  [
    'a status',
    `update transfers set status = 'posted' where id = 't2'`,
    { position: 39, message: /^status is "posted", but the log gives "awaiting_approval"/ },
  ],
  [
    'a time of completion',
    `update transfers set completed_at = null where id = 't1'`,
    { position: 32, message: /^completed_at is not there/ },
  ],
  [
    'what was undone',
    `update transfers set reversed = 99 where id = 't1'`,
    { position: 32, message: /^reversed is "99"/ },
  ],
  [
    'a reason',
    `update transfers set reason = null where id = 't4'`,
    { position: 48, message: /^reason is not there, but the log gives "too much"/ },
  ],
  [
    'until when it may be approved',
    `update transfers set approval_expires_at = '2099-01-01T00:00:00.000Z' where id = 't2'`,
    { position: 39, message: /^approval_expires_at/ },
  ],
  [
    'an entry',
    `update transfers set entries = jsonb_set(entries, '{0,account}', '"eve"') where id = 'x1'`,
    { position: 28, message: /^entries is \[.*"eve"/ },
  ],
  [
    'where a transfer began, which has changed since',
    `update transfers set first_position = 9 where id = 't1'`,
    { position: 32, split: 8, message: /^first_position is 9, but the log gives 8/ },
  ],
  [
    'a transfer that waits, missing',
    `delete from transfers where id = 't2'`,
    { position: 39, message: /^the row of this position is missing/ },
  ],
  [
    'a transfer that has waited, missing',
    `delete from transfers where id = 't1'`,
    { position: 32, split: 8, message: /^the row of this position is missing/ },
  ],
  [
    'a transfer too many',
    `insert into transfers select 'eve', kind, status, source, destination, amount, currency, entries, reference,
      metadata, reason, approval_expires_at, scheduled_for, rail, hold, reverses, reversed, schedule, bulk, created_at,
      completed_at, 10, 10, workflow_id from transfers where id = 't1'`,
    { position: 10, message: /^the log gives no row of this position/ },
  ],
  [
    'a transfer that is said to be later than all',
    `update transfers set position = 999 where id = 't2'`,
    { position: 999, message: /^the log gives no row of this position/ },
  ],
  [
    'an account that a transaction does not name',
    `update transaction_accounts set account = 'eve' where account = 'fees'`,
    { position: 28, table: 'transaction_accounts', message: /^account is "eve", but the log gives "fees"/ },
  ],
  [
    'an account of a transaction, missing',
    `delete from transaction_accounts where account = 'fees'`,
    { position: 28, table: 'transaction_accounts', message: /is missing/ },
  ],
  [
    'an account of a transaction, too many',
    `insert into transaction_accounts values ('zoe', 28)`,
    { position: 28, table: 'transaction_accounts', message: /no row of this position/ },
  ],
  [
    'what was captured',
    `update holds set captured = 200 where id = 'h1'`,
    { position: 22, table: 'holds', message: /^captured is "200", but the log gives "150"/ },
  ],
  [
    'when a hold expires',
    `update holds set expires_at = null where id = 'h2'`,
    { position: 36, table: 'holds', message: /^expires_at is not there/ },
  ],
  [
    'where a hold began',
    `update holds set first_position = 15 where id = 'h1'`,
    { position: 22, split: 16, table: 'holds', message: /^first_position is 15, but the log gives 16/ },
  ],
  [
    'a hold, missing',
    `delete from holds where id = 'h2'`,
    { position: 36, split: 34, table: 'holds', message: /^the row of this position is missing/ },
  ],
  [
    'a hold too many',
    `insert into holds select 'eve', account, amount, captured, currency, status, destination, reference, metadata,
      reason, transfer, expires_at, created_at, 51, 51, workflow_id from holds where id = 'h2'`,
    { position: 51, table: 'holds', message: /^the log gives no row of this position/ },
  ],
  [
    'a transfer as it was before its last event',
    `update transfers set position = 13, reversed = null, workflow_id = 'transfer/t1' where id = 't1'`,
    {
      position: 13,
      split: 32,
      message: /^the row of t1 is (as it was before the event at position 32|still that of position 13)/,
    },
  ],
  [
    'a hold as it was before its last event',
    `update holds set position = 34, expires_at = '2027-01-01T00:00:00.000Z' where id = 'h2'`,
    {
      position: 34,
      split: 36,
      table: 'holds',
      message: /^the row of h2 is (as it was before the event at position 36|still that of position 34)/,
    },
  ],
];

describe('a row that is not as the log says', () => {
  test.each(TAMPERED)(
    'is found: %s',
    async (_, change, { table = 'transfers', position, split, message }) => {
      await project(LAST);
      await db.sql.unsafe(
        change.replaceAll(
          /\b(update|from|into) (transfers|transaction_accounts|holds)\b/g,
          `$1 "${db.schema}".$2`,
        ),
      );
      const [whole, parts] = [await check(1_000), await check(1)];
      expect(whole.finding).toMatchObject({ code: 'read_model', subject: table, position });
      expect(parts.finding).toMatchObject({
        code: 'read_model',
        subject: table,
        position: split ?? position,
      });
      expect(whole.finding?.message).toMatch(message);
      expect(parts.finding?.message).toMatch(message);
    },
  );
});
