/** A log in which whatever is chosen happens. */
import type { RecordedEvent } from '../../../contracts/events.ts';
import { createTestLog } from '../../support/events/events.ts';
import { AT, held, LATER, placed, reversal, step, transaction } from './commands.ts';

/** How many there are to choose from. */
export const STEPS = 20;

/** What is written on some of everything. */
export const WEB = { channel: 'web' };

/** What may be chosen: the same for the same seed, and spread well enough. */
export function choices(seed: number, count: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor(state / 65_536) % STEPS;
  });
}

/** A few accounts and what is chosen to happen to them; what is to be done to something that waits waits for one. */
export function history(chosen: readonly number[]) {
  const log = createTestLog();
  const [waiting, active, undoable]: [string[], string[], string[]] = [[], [], []];
  let count = 0;
  const begin = (ids: string[], make: (id: string) => RecordedEvent[]) => () => {
    const id = `id-${(count += 1)}`;
    const batch = make(id);
    if (batch.at(-1)?.name !== 'TransferRejected') ids.push(id);
    return batch;
  };
  const next = (ids: string[], make: (id: string) => RecordedEvent[]) => () => {
    const id = ids.shift();
    return id === undefined ? log.receipt('alice') : make(id);
  };
  const steps = [
    () => log.deposit('alice', 100n),
    () => log.withdraw('alice', 60n),
    () => log.move(['alice', 'bob'], 70n),
    () => log.move(['bob', 'alice'], 10n),
    () => log.receipt('bob'),
    () => log.deposit('bob', 5n, { reference: 'five', metadata: { ...WEB, order: `${(count += 1)}` } }),
    () => log.withdraw('bob', 1_000n),
    () => log.move(['alice', 'alice'], 1n),
    begin(waiting, (id) => log.move(['alice', 'bob'], 5n, { id, metadata: WEB, approvalExpiresAt: LATER })),
    next(waiting, (id) => log.run(step(id, { type: 'approve', at: AT }))),
    next(waiting, (id) => log.run(step(id, { type: 'cancel' }))),
    begin(active, (id) => log.run(placed(id, ['rich', 3n], { metadata: WEB }))),
    next(active, (id) => log.run(held(id, { type: 'extend', expiresAt: LATER }))),
    next(active, (id) => log.run(held(id, { type: 'capture', transfer: `of-${id}`, amount: 2n }))),
    begin(undoable, (id) => log.run(transaction(id, 'rich -3, alice 2, bob 1'))),
    begin(undoable, (id) => log.move(['rich', 'bob'], 9n, { id })),
    next(undoable, (id) => log.run(reversal(`r-${id}`, id))),
    begin(waiting, (id) => log.move(['rich', 'bob'], 1n, { id, metadata: WEB, approvalExpiresAt: LATER })),
    begin(waiting, (id) => log.move(['rich', 'alice'], 2n, { id, approvalExpiresAt: LATER })),
    () => log.open(`new-${(count += 1)}`, { owner: 'somebody', metadata: WEB }),
  ];
  const opened = [log.open('alice'), log.open('bob'), log.open('rich', { overdraftLimit: 1_000_000n })];
  const batches = [...opened, ...chosen.map((number) => steps[number]!())];
  return { events: log.events, batches };
}
