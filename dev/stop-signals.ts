/** The ways in which a person or another program asks this process to end. */

/**
 * Calls back when this process is asked to end, with how often it has been asked: by a signal, or by the end of
 * `dev/run.mjs`, which started it.
 */
export function onStopRequest(callback: (times: number) => void): void {
  let times = 0;
  let lastAt = 0;
  const request = () => {
    // One Ctrl-C may arrive twice: from the terminal, and passed on by whoever started us.
    const now = Date.now();
    if (now - lastAt > 300) callback((times += 1));
    lastAt = now;
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request);
  process.on('disconnect', request);
  // Only listening must not keep this process alive.
  process.channel?.unref();
}
