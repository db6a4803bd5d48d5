/** Clocks that are wrong. */
import { fault, type Scenario } from '../scenario.ts';
import { emptyTally, recovered } from './faults.ts';

const HOUR_MS = 3_600_000;
const STAYS_MS = 6_000;
const STAYS_SHORT_MS = 2_000;

export const clocks: readonly Scenario[] = [
  {
    name: 'clock-jumps',
    proves:
      'The clocks of API, worker and projector jump an hour ahead and an hour back, each alone: money is right.',
    short: false,
    system: { workers: 2, movableClocks: true },
    // What was to wait until a time was told how long by a clock that was an hour behind.
    lateMs: HOUR_MS,
    async inject(system, context) {
      const tally = emptyTally();
      for (const part of context.random.shuffled(['api', 'worker-1', 'worker-2', 'projector'])) {
        for (const hours of context.random.shuffled([1, -1])) {
          const injected = await fault(`${hours > 0 ? '+' : ''}${hours} h`, part, async () => {
            system.moveClock(part, hours * HOUR_MS);
            await context.sleep(context.short ? STAYS_SHORT_MS : STAYS_MS);
          });
          context.log(`the clock of ${part} jumped by ${injected.what}`);
          tally.faults.push(injected);
          tally.complaints.push(...(await recovered(system, context, injected)));
        }
        system.moveClock(part, 0);
      }
      await context.sleep(1_000);
      return tally;
    },
  },
];
