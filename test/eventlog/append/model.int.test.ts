import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outcome } from '../../../eventlog/append/outcome.ts';
import { Audit } from '../../../eventlog/audit/audit.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import {
  createAccount,
  moveMoney,
  openTestLedger,
  type TestLedger,
} from '../../support/ledgers/test-ledger.ts';
import { ReferenceLedger, type Sent } from '../../support/reference/reference-ledger.ts';
import { anyRequest } from './random-requests.ts';

const APPENDERS = 3;

const appender = fc.integer({ min: 0, max: APPENDERS - 1 });
/** Now and then it is asked for twice, of two appenders or of one. */
const step = fc.record({
  request: anyRequest,
  appenders: fc.oneof({ weight: 4, arbitrary: fc.tuple(appender) }, fc.tuple(appender, appender)),
});
/** What is in one array is asked at once; the next array is asked when all of it is answered. */
const steps = fc.array(fc.array(step, { minLength: 4, maxLength: 12, size: 'max' }), {
  minLength: 4,
  maxLength: 10,
  size: 'max',
});

/** Some accounts to begin with, two of them with money. */
const BEGINNING: readonly CommandRequest[] = [
  createAccount('ann', { overdraft_limit: '3' }),
  createAccount('ben'),
  createAccount('dol', { currency: 'USD' }),
  moveMoney('begin1', { source: 'world_EUR', destination: 'ann', amount: '40' }),
  moveMoney('begin2', { source: 'world_EUR', destination: 'ben', amount: '20' }),
];

type Decided = Sent & { readonly outcome: Outcome };

/** Asks all at once, each of its own appender, and waits for the answers. */
async function askAll(
  log: TestLedger,
  asked: readonly { request: CommandRequest; submit: TestLedger['submit'] }[],
): Promise<Decided[]> {
  const after = await log.reader.lastPosition();
  const outcomes = await Promise.all(asked.map(({ request, submit }) => submit(request)));
  const before = await log.reader.lastPosition();
  return asked.map(({ request }, index) => ({ request, after, before, outcome: outcomes[index]! }));
}

async function expectWhole(log: TestLedger): Promise<void> {
  const audit = new Audit({ ledger: log.ledger });
  for await (const some of log.reader.messages()) {
    for (const message of some) expect(audit.add(message).finding).toBeUndefined();
  }
  expect(audit.end()).toBeUndefined();
}

/** How often each kind of event came. */
const met: Record<string, number> = {};

test('whatever is asked of several appenders at once, the log tells the story that the reference model would', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (rounds) => {
      const log = await openTestLedger();
      try {
        const hands = [log, ...(await Promise.all(Array.from({ length: APPENDERS - 1 }, () => log.join())))];
        const answered: Decided[] = [];
        for (const request of BEGINNING) {
          answered.push(...(await askAll(log, [{ request: again(request), submit: log.submit }])));
        }
        for (const round of rounds) {
          const asked = round.flatMap(({ request, appenders }) =>
            appenders.map((number) => ({ request: again(request), submit: hands[number]!.submit })),
          );
          answered.push(...(await askAll(log, asked)));
        }
        await expectWhole(log);
        const model = new ReferenceLedger(new Map(answered.map((one) => [one.request.command_id, one])));
        for (const event of await log.allEvents()) model.apply(event);
        model.end();
        for (const one of answered) model.checkResponse(one, one.outcome);
        expect(model.faults).toEqual([]);
        for (const [name, count] of Object.entries(model.met)) met[name] = (met[name] ?? 0) + count;
      } finally {
        await log.close();
      }
    }),
    // Making a failure small takes its time: what is found by then is told.
    { numRuns: 50, interruptAfterTimeLimit: 90_000 },
  );
  // What the commands seldom bring about is not proven.
  expect(Object.keys(met).length).toBeGreaterThanOrEqual(18);
}, 120_000);

/** Another command that asks for the same: a retry if it has a key, and if not, one of its own. */
function again<Request extends CommandRequest>(request: Request): Request {
  const command_id = randomUUID();
  if (request.idempotency_key !== undefined) return { ...request, command_id };
  const made = request.type === 'hold.capture' ? { transfer: `c-${command_id}` } : {};
  return { ...request, ...made, command_id, fingerprint: command_id };
}
