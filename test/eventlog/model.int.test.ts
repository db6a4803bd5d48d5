import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CommandRequest } from '../../contracts/commands.ts';
import { Audit } from '../../eventlog/audit/audit.ts';
import type { Outcome } from '../../eventlog/outcome.ts';
import { ReferenceLedger } from '../support/reference-ledger.ts';
import { createAccount, moveMoney, openTestLedger } from '../support/test-ledger.ts';

const ACCOUNTS = ['ann', 'ben', 'cam', 'world_EUR'];
const APPENDERS = 3;

/** Few accounts, small amounts and few ids, so that commands meet: in one batch, and from several appenders. */
const account = fc.constantFrom(...ACCOUNTS);
const customer = fc.constantFrom('ann', 'ben', 'cam');
const command: fc.Arbitrary<CommandRequest> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        id: fc.integer({ min: 0, max: 30 }),
        source: account,
        destination: account,
        amount: fc.integer({ min: 1, max: 9 }),
      })
      .map(({ id, source, destination, amount }) => {
        const terms = { source, destination, amount: String(amount) };
        // The key is the id: two requests under one id are the same only if they ask for the same.
        return moveMoney(`t${id}`, terms, { fingerprint: JSON.stringify(terms) });
      }),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        id: customer,
        type: fc.constantFrom(
          'account.freeze' as const,
          'account.unfreeze' as const,
          'account.close' as const,
        ),
      })
      .map(({ id, type }) => createAccount(id, { type })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ id: customer, limit: fc.integer({ min: 0, max: 5 }) })
      .map(({ id, limit }) => createAccount(id, { overdraft_limit: String(limit) })),
  },
);
const step = fc.record({ command, appender: fc.integer({ min: 0, max: APPENDERS - 1 }) });
/** What is in one array is asked at once; the next array is asked when all of it is answered. */
const steps = fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 });

test('whatever is asked of several appenders at once, the log tells the story that the reference model would', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (rounds) => {
      const log = await openTestLedger();
      try {
        const hands = [log, ...(await Promise.all(Array.from({ length: APPENDERS - 1 }, () => log.join())))];
        const asked: { command: CommandRequest; outcome: Outcome }[] = [];
        const since = new Map<string, number>();
        for (const round of rounds) {
          const position = await log.reader.lastPosition();
          for (const {
            command: { id },
          } of round)
            since.set(id, since.get(id) ?? position);
          const answers = round.map(async (one) => {
            const request = { ...one.command, command_id: randomUUID() };
            return { command: request, outcome: await hands[one.appender]!.submit(request) };
          });
          asked.push(...(await Promise.all(answers)));
        }
        const audit = new Audit({ ledger: log.ledger });
        for await (const some of log.reader.messages()) {
          for (const message of some) expect(audit.add(message).finding).toBeUndefined();
        }
        expect(audit.end()).toBeUndefined();
        const model = new ReferenceLedger(since);
        for (const event of await log.allEvents()) model.apply(event);
        model.checkEnd();
        for (const { command: request, outcome } of asked) model.checkAnswer(request, outcome);
        expect(model.faults).toEqual([]);
      } finally {
        await log.close();
      }
    }),
    { numRuns: 60 },
  );
}, 90_000);
