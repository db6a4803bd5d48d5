/** How every process of Tallybook ends. Only composition roots import this. */

/** Something that was started and is stopped again. */
export type Closeable = { readonly name: string; readonly close: () => Promise<unknown> };

const SHUTDOWN_TIMEOUT_MS = 15_000;

/**
 * Ends the process in order on SIGTERM or SIGINT, or when the program that started it is gone, and with an error if one
 * of its parts dies.
 * @param parts closed one after the other, in the given order
 * @param died promises that settle only if something goes wrong
 */
export function runUntilSignalled(parts: readonly Closeable[], died: readonly Promise<unknown>[] = []): void {
  let ending = false;
  const end = async (code: number) => {
    if (ending) return;
    ending = true;
    setTimeout(() => {
      console.error(`Not everything ended within ${SHUTDOWN_TIMEOUT_MS / 1000} s.`);
      process.exit(1);
    }, SHUTDOWN_TIMEOUT_MS).unref();
    for (const { name, close } of parts) {
      await close().catch((error: unknown) => {
        console.error(`${name} did not end well:`, error);
        code = 1;
      });
    }
    process.exit(code);
  };
  process.on('SIGTERM', () => void end(0));
  process.on('SIGINT', () => void end(0));
  // `npm run …` starts the process by `dev/run.mjs`, which may be killed.
  process.on('disconnect', () => void end(0));
  for (const death of died) {
    death.catch((error: unknown) => {
      console.error('Ending because a part died:', error);
      void end(1);
    });
  }
}

/** Tells a person what works but should not stay so. `npm start` looks for these lines in its processes' logs. */
export function warn(warnings: readonly string[]): void {
  for (const warning of warnings) console.error(`WARNING: ${warning}`);
}

/** Runs a composition root; what goes wrong at the start is one plain line, and the process ends. */
export async function main(start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
