import { defineConfig } from 'vitest/config';

/** How long a condition is waited for; it costs nothing where it is met. One second is little on a busy machine. */
const PATIENT = { poll: { timeout: 15_000 } } as const;

/** A test file's suffix says what it needs, and so what it costs: nothing, the servers, or the whole application. */
export default defineConfig({
  test: {
    // The cores are shared with the servers that the tests talk to.
    maxWorkers: 2,
    // Tests that run beside each other in one file wait most of the time.
    maxConcurrency: 8,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.{int,e2e,stress}.test.ts'],
          testTimeout: 20_000,
          expect: PATIENT,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'int',
          include: ['test/**/*.int.test.ts'],
          globalSetup: ['test/support/processes/servers.ts'],
          // These wait most of the time, for servers and their time-outs.
          maxWorkers: 3,
          testTimeout: 30_000,
          expect: PATIENT,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          testTimeout: 120_000,
          expect: PATIENT,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // What takes the whole machine: it would make others slow, and they it.
        test: {
          name: 'stress',
          include: ['test/**/*.stress.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          expect: PATIENT,
          hookTimeout: 180_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
