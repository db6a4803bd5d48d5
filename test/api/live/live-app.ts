/** An app with a live stream over a log in memory, and what is told of it. */
import { createLive, type Live, type LiveSettings } from '../../../api/live/live.ts';
import { testApp } from '../fixtures/fixtures.ts';
import type { GrowingLog } from './growing-log.ts';
import { readLive } from './live-reader.ts';

const lives: Live[] = [];

/** Ends all streams of all apps. */
export function closeLiveApps(): void {
  for (const live of lives.splice(0)) live.close();
}

/** @param settings what is to be different in the stream */
export function liveApp(
  log: Pick<GrowingLog, 'follow' | 'read' | 'nextPosition' | 'lastPosition'>,
  settings: Partial<LiveSettings> = {},
) {
  const dropped: string[] = [];
  const told: string[] = [];
  let clients: (() => number) | undefined;
  const live = createLive(log, {
    settings: { lingerMs: 0, ...settings },
    observer: { began: (count) => (clients = count), dropped: (why) => dropped.push(why) },
    tell: (line) => told.push(line),
  });
  lives.push(live);
  const { app } = testApp({ live });
  const ask = async (query = '', headers: Record<string, string> = {}, method = 'GET') =>
    app.request(`/v1/events${query}`, { method, headers: { accept: 'text/event-stream', ...headers } });
  return {
    live,
    dropped,
    told,
    clients: () => clients?.(),
    ask,
    open: async (query?: string, headers?: Record<string, string>) =>
      readLive((await ask(query, headers)).body),
  };
}
