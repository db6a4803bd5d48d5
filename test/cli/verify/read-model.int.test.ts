/** The read model on the real Postgres that the run started, held against the log. */
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { runProjector } from '../../../projector/run/projector.ts';
import { connectReadModel, type ReadModel } from '../../../projector/tables/database.ts';
import { ensureSchema } from '../../../projector/tables/schema.ts';
import { project as projectEvents } from '../../projector/test-read-model.ts';
import { createAccount, moveMoney, type TestLedger } from '../../support/ledgers/test-ledger.ts';
import { commandLine, type Ran } from '../command-line.ts';
import { openSomeLedger } from '../some-ledger.ts';

let log: TestLedger;
let db: ReadModel;
let verify: (...args: string[]) => Promise<Ran>;
beforeEach(async () => {
  const { natsUrl, databaseUrl } = inject('servers');
  log = await openSomeLedger();
  db = connectReadModel(databaseUrl, log.ledger);
  await ensureSchema(db);
  const run = commandLine({ ledger: log.ledger, natsUrl, databaseUrl });
  verify = (...args) => run('verify', ...args);
});
afterEach(async () => {
  await db.end();
  await log.close();
});

/** Brings the read model up to a position. */
async function project(to: number): Promise<void> {
  const events = await log.allEvents();
  await projectEvents(
    db,
    events.filter(({ position }) => position <= to),
  );
}

type Report = { read_model: unknown; finding: { position: number; subject: string; message: string } | null };
const reportOf = ({ out }: Ran) => JSON.parse(out) as Report;

describe('the read model', () => {
  test('that equals the log is said to, and how far it is', async () => {
    await project(16);
    expect((await verify()).out).toMatch(/read model +equals the log up to position 16\n/);
  });

  test('may be behind the log', async () => {
    await project(9);
    const { code, out } = await verify('--read-model');
    expect(code).toBe(0);
    expect(out).toMatch(/read model +equals the log up to position 9 \(7 behind\)/);
    expect(out).toContain('is whole: 16 events');
  });

  test('may go on meanwhile, with new accounts', async () => {
    const stop = new AbortController();
    const projector = runProjector({ db, log: log.reader, announce: () => {}, tell: () => {} }, stop.signal);
    const writing = (async () => {
      for (let number = 0; !stop.signal.aborted; number += 1) {
        const [id, source] = [`new-${number}`, 'world_EUR'];
        await log.submit(createAccount(id));
        await log.submit(moveMoney(`to-${id}`, { source, destination: id, amount: '5' }));
      }
    })();
    const found = [];
    for (let round = 0; round < 8; round += 1) found.push(await verify('--read-model', '--json'));
    stop.abort();
    await Promise.all([projector, writing]);
    expect(found.map((ran) => [ran.code, reportOf(ran).finding])).toEqual(found.map(() => [0, null]));
    const positions = found.map((ran) => (reportOf(ran).read_model as { position: number }).position);
    expect(positions.at(-1)).toBeGreaterThan(positions[0]!);
  });

  test('that is not there is told, or refused if it is asked for', async () => {
    const elsewhere = commandLine({ ledger: log.ledger, natsUrl: inject('servers').natsUrl });
    expect(await elsewhere('verify', '--read-model')).toMatchObject({
      code: 2,
      errors: 'The read model cannot be compared: Postgres at 127.0.0.1:1 does not answer.',
    });
    await db.sql`drop schema ${db.sql(db.schema)} cascade`;
    expect(reportOf(await verify('--json')).read_model).toEqual({
      checked: false,
      reason: `the database has no schema "${db.schema}"`,
    });
    expect(reportOf(await verify('--json', '--no-read-model')).read_model).toMatchObject({ checked: false });
  });

  test.each([
    [
      'a balance',
      'update accounts set posted = posted + 1 where id = ?',
      { subject: 'accounts bob', message: /^posted is "202", but the log gives "201"/ },
    ],
    [
      'an owner',
      `update accounts set owner = 'eve' where id = ?`,
      { subject: 'accounts bob', message: /^owner is "eve"/ },
    ],
    [
      'a missing account',
      'delete from accounts where id = ?',
      { subject: 'accounts bob', message: /^its row is missing/ },
    ],
    [
      'an account too many',
      `insert into accounts select 'eve', owner, currency, status, posted, held, overdraft_limit, version, metadata,
        created_at, 99 from accounts where id = ?`,
      { subject: 'accounts eve', message: /no such account/ },
    ],
    [
      'an amount',
      'update entries set amount = 5 where account = ? and position = 8',
      { subject: 'entries', message: /^amount is "5"/ },
    ],
    [
      'a missing entry',
      'delete from entries where account = ? and position = 8',
      { subject: 'entries', message: /is missing/ },
    ],
    [
      'an entry too many',
      `insert into entries select 10, account, version, transfer, direction, amount, currency, counterparty, kind,
        reference, balance, created_at from entries where account = ? and position = 8`,
      { subject: 'entries', message: /gives no row/ },
    ],
    [
      'metadata',
      `update transfers set metadata = '{"a":"b"}' where destination = ? and id = 't1'`,
      { subject: 'transfers', message: /^metadata/ },
    ],
    [
      'a missing transfer',
      `delete from transfers where destination = ? and id = 't1'`,
      { subject: 'transfers', message: /is missing/ },
    ],
  ])('finds a row that is not as the log says: %s', async (_, change, { subject, message }) => {
    await project(16);
    const tables = ['accounts', 'transfers', 'entries'];
    const qualified = tables.reduce(
      (text, table) =>
        text.replaceAll(new RegExp(`(update|from|into) ${table}\\b`, 'g'), `$1 "${db.schema}".${table}`),
      change,
    );
    await db.sql.unsafe(qualified.replace('?', `'bob'`));
    const ran = await verify('--json');
    expect([ran.code, reportOf(ran).finding?.subject]).toEqual([1, subject]);
    expect(reportOf(ran).finding?.message).toMatch(message);
    expect((await verify()).out).toContain('The read model is not what the log says.');
    expect((await verify('--no-read-model')).code).toBe(0);
  });

  test('finds that the log has lost what the read model has', async () => {
    await project(16);
    await db.sql`update ${db.table('projections')} set position = 20`;
    const ran = await verify('--json');
    expect([ran.code, reportOf(ran).finding]).toMatchObject([1, { position: 20, subject: 'projections' }]);
  });
});
