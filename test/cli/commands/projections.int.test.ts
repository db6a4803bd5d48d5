/** `rebuild` and `parked`, on the real servers that the run started. */
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { PROJECTIONS } from '../../../projector/projections/index.ts';
import { runProjector } from '../../../projector/run/projector.ts';
import { readStatuses } from '../../../projector/tables/checkpoint.ts';
import { connectReadModel, type ReadModel } from '../../../projector/tables/database.ts';
import { ensureSchema } from '../../../projector/tables/schema.ts';
import { contents, project } from '../../projector/test-read-model.ts';
import type { TestLedger } from '../../support/ledgers/test-ledger.ts';
import { commandLine, ledgerProcess, type Ran } from '../command-line.ts';
import { openSomeLedger } from '../some-ledger.ts';

let log: TestLedger;
let db: ReadModel;
let run: (...args: string[]) => Promise<Ran>;
const { natsUrl, databaseUrl } = inject('servers');
beforeEach(async () => {
  log = await openSomeLedger(300);
  db = connectReadModel(databaseUrl, log.ledger);
  await ensureSchema(db);
  run = commandLine({ ledger: log.ledger, natsUrl, databaseUrl });
});
afterEach(async () => {
  await db.end();
  await log.close();
});

test('a projection is made anew, and the read model equals the log as before', async () => {
  await project(db, await log.allEvents());
  const before = await contents(db);
  await db.sql`delete from ${db.table('entries')}`;
  expect((await run('verify', '--read-model')).code).toBe(1);
  const { code, out } = await run('rebuild', 'balances');
  expect(code).toBe(0);
  expect(out).toMatch(
    /^The projection "balances" was made anew up to position 916, and is live: 916 events in [\d.]+ s, [\d,]+\/s\.\n$/,
  );
  expect(await contents(db)).toEqual(before);
  expect((await run('verify', '--read-model')).code).toBe(0);
});

test('a rebuild goes live where the log ended when it began, also if nothing was shown before', async () => {
  expect((await run('rebuild', 'totals')).out).toContain(
    'made anew up to position 916, and is live: 916 events',
  );
  const standings = await readStatuses(db);
  expect(standings.map(({ name, position }) => [name, position])).toEqual([
    ['balances', 0],
    ['totals', 916],
    ['transfers', 0],
  ]);
});

test('a rebuild that is killed is run again and goes on, beside a projector that runs', async () => {
  await project(db, await log.allEvents());
  const before = await contents(db);
  const stop = new AbortController();
  const quiet = { announce: () => {}, tell: () => {} };
  const projector = runProjector({ db, log: log.reader, ...quiet }, stop.signal);
  const env = { LEDGER: log.ledger, NATS_URL: natsUrl, DATABASE_URL: databaseUrl };
  const killed = ledgerProcess(['rebuild', 'transfers'], env);
  await vi.waitFor(
    async () => {
      const transfers = (await readStatuses(db)).find(({ name }) => name === 'transfers');
      expect(transfers?.building).not.toBeNull();
    },
    { timeout: 20_000, interval: 5 },
  );
  killed.kill('SIGKILL');
  expect((await run('rebuild', 'transfers')).code).toBe(0);
  const standings = await readStatuses(db);
  expect(standings.map(({ building }) => building)).toEqual([null, null, null]);
  expect(await contents(db)).toEqual(before);
  stop.abort();
  await projector;
});

test('what is parked is listed, and leaves the list when it is tried again with success', async () => {
  const events = await log.allEvents();
  const stop = new AbortController();
  const odd = {
    ...PROJECTIONS.totals,
    apply: (batch: typeof events) => {
      if (batch.some(({ position }) => position === 8)) throw new Error('it tastes\nodd');
      return PROJECTIONS.totals.apply(batch);
    },
  } as typeof PROJECTIONS.totals;
  const quiet = { announce: () => {}, tell: () => {} };
  const projections = [PROJECTIONS.balances, PROJECTIONS.transfers, odd];
  const projector = runProjector({ db, log: log.reader, ...quiet, projections }, stop.signal);
  await vi.waitFor(async () => {
    expect((await readStatuses(db)).every(({ position }) => position === events.length)).toBe(true);
  }, 20_000);
  stop.abort();
  await projector;

  const { code, out } = await run('parked');
  expect(code).toBe(0);
  expect(out.split('\n')[1]).toMatch(
    /^ +7-9 +totals +ledger\.MoneyWithdrawn\.v1 +ledger\.\S+ +1 +\S+Z +it tastes odd$/,
  );
  expect((await run('parked', 'balances')).out).toBe('Nothing is parked.\n');
  expect(JSON.parse((await run('parked', 'totals', '--json')).out)).toMatchObject({ position: 7, tries: 1 });
  const unverified = await run('verify', '--read-model');
  expect([unverified.code, unverified.errors]).toEqual([2, expect.stringContaining('"totals" has parked')]);
  const rest = await run('verify');
  expect([rest.code, rest.out]).toEqual([
    0,
    expect.stringContaining('NOT COMPARED: the projection "totals"'),
  ]);
  expect(rest.out).toContain(`equals the log up to position ${events.length}`);
  // What is compared is compared as ever.
  await db.sql`update ${db.table('accounts')} set posted = posted + 1 where id = 'alice'`;
  expect((await run('verify')).code).toBe(1);
  await db.sql`update ${db.table('accounts')} set posted = posted - 1 where id = 'alice'`;

  expect((await run('parked', '--retry', '--position', '5')).out).toBe(
    'Applied 0 of 0; 0 could not be applied again.\n',
  );
  expect((await run('parked', '--retry')).out).toBe('Applied 1 of 1; 0 could not be applied again.\n');
  expect((await run('parked')).out).toBe('Nothing is parked.\n');
  expect((await run('verify', '--read-model')).code).toBe(0);
});

test('what has stopped is listed with its error, and asked to try again', async () => {
  const error = 'positions 7 to 9: it tastes odd';
  await db.sql`update ${db.table('projections')} set error = ${error} where name = 'totals'`;
  expect((await run('parked')).out).toBe(
    `Nothing is parked.\nThe projection "totals" has stopped: ${error}\n`,
  );
  expect((await run('parked', 'balances')).out).toBe('Nothing is parked.\n');
  expect((await run('parked', '--retry')).out).toContain('The projection "totals" is asked to try again.\n');
  expect((await run('parked')).out).toBe('Nothing is parked.\n');
});

test('a projection that there is not, and a read model that there is not, are told', async () => {
  expect(await run('rebuild', 'balance')).toMatchObject({
    code: 2,
    errors: 'There is no projection "balance". There are balances, transfers, totals.',
  });
  await db.sql`drop schema ${db.sql(db.schema)} cascade`;
  for (const args of [['rebuild', 'totals'], ['parked']]) {
    expect(await run(...args)).toMatchObject({
      code: 2,
      errors: `The database has no schema "${db.schema}".`,
    });
  }
});
