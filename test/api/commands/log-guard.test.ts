import { expect, test } from 'vitest';
import type { Commands } from '../../../api/commands/commands.ts';
import { createLogGuard } from '../../../api/commands/log-guard.ts';
import { isConnectionError } from '../../../api/http/connection-errors.ts';
import { createAccount } from '../../support/ledgers/test-ledger.ts';
import { eventReader } from '../fixtures/fixtures.ts';

/** A log whose end may be missing, and commands that are always accepted. */
function some(missing: () => Promise<string | undefined>) {
  let reconnected: (() => void) | undefined;
  let questions = 0;
  const log = createLogGuard({
    missing: () => {
      questions += 1;
      return missing();
    },
    onReconnect: (again) => (reconnected = again),
  });
  const commands: Commands = {
    carryOut: () => Promise.resolve({ type: 'accepted', workflowId: 'x' }),
    find: () => Promise.resolve(undefined),
  };
  const ask = () => log.commands(commands).carryOut(createAccount('a'), { wait: true });
  return { log, ask, reconnected: () => reconnected?.(), questions: () => questions };
}

test('while the end of the log is missing no command is taken, and nothing is read from it', async () => {
  let why: string | undefined = 'The end is missing.';
  const { log, ask } = some(() => Promise.resolve(why));
  expect(await ask()).toEqual({ type: 'unavailable', code: 'dependency_unavailable', detail: why });
  const events = log.events(eventReader([]));
  const first = () => events.first({ aggregate: 'transfer', id: 'tr_1' });
  for (const reading of [first, () => events.lastOf('a'), () => events.read(0, 10)]) {
    const error: unknown = await reading().catch((thrown: unknown) => thrown);
    // So it is answered with 503, as when NATS is away.
    expect(isConnectionError(error)).toBe(true);
  }
  // Restored.
  why = undefined;
  expect(await ask()).toMatchObject({ type: 'accepted' });
  expect(await events.read(0, 10)).toEqual([]);
});

test('what is whole is not asked about again, until NATS was away', async () => {
  const { ask, reconnected, questions } = some(() => Promise.resolve(undefined));
  await Promise.all([ask(), ask()]);
  await ask();
  expect(questions()).toBe(1);
  reconnected();
  await ask();
  expect(questions()).toBe(2);
});

test('a read model that is away keeps no command waiting', async () => {
  const { ask } = some(() => Promise.reject(new Error('away')));
  expect(await ask()).toMatchObject({ type: 'accepted' });
  const silent = some(() => new Promise(() => {}));
  expect(await silent.ask()).toMatchObject({ type: 'accepted' });
});
