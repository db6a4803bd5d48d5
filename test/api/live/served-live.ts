/** The live stream over a real port and a real log; all else that an API needs is in memory. */
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { createLive, type LiveSettings } from '../../../api/live/live.ts';
import type { EventReader } from '../../../eventlog/read/event-reader.ts';
import { testApp } from '../fixtures/fixtures.ts';

export type ServedLive = {
  readonly url: string;
  readonly clients: () => number;
  readonly dropped: readonly string[];
  readonly lines: readonly string[];
  /** Ends it as the API does. */
  readonly close: () => Promise<void>;
};

export async function serveLive(
  reader: EventReader,
  settings: Partial<LiveSettings> = {},
): Promise<ServedLive> {
  const dropped: string[] = [];
  const lines: string[] = [];
  let clients: (() => number) | undefined;
  const live = createLive(reader, {
    settings,
    observer: { began: (count) => (clients = count), dropped: (why) => dropped.push(why) },
    tell: (line) => lines.push(line),
  });
  const { app } = testApp({ live, events: reader });
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/events`,
    clients: () => clients?.() ?? 0,
    dropped,
    lines,
    async close() {
      live.close();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
