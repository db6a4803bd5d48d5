/**
 * How much random tests try, and where they begin: `FUZZ_RUNS=50` makes them fifty times as long, `FUZZ_SEED` repeats
 * a run that failed, whose seed is in its message.
 */

const factor = Number(process.env['FUZZ_RUNS'] ?? 1);

export const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

/** How many runs, if a quick test has so many. */
export const runs = (few: number) => Math.max(1, Math.round(few * factor));
