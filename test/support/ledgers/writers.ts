/** Workers of one ledger, of which one at a time is the active writer. */
import { inject } from 'vitest';
import { writerLease } from '../../../contracts/subjects.ts';
import type { Appender } from '../../../eventlog/append/appender.ts';
import type { Outcome } from '../../../eventlog/append/outcome.ts';
import { connectToNats } from '../../../eventlog/nats/connection.ts';
import { createEventReader } from '../../../eventlog/read/reader.ts';
import { openActiveAppender, type ActiveAppenderOptions } from '../../../eventlog/writer/active-appender.ts';
import type { CommandRequest } from '../../../messages/commands.ts';
import type { TestLedger } from './test-ledger.ts';

/** A worker's hands on the ledger, in this process but with a connection of its own. */
export type Writer = Omit<Appender, 'submit'> & {
  readonly id: string;
  readonly submit: (request: CommandRequest) => Promise<Outcome>;
  /** Closes the connection without any farewell. */
  readonly vanish: () => Promise<void>;
};

export type JoinOptions = Partial<ActiveAppenderOptions> & { readonly url?: string };

/** Joins a ledger as one of its writers; the first one becomes the active one. */
export async function joinAsWriter(
  ledger: string,
  id: string,
  { url, ...options }: JoinOptions = {},
): Promise<Writer> {
  const nc = await connectToNats(url ?? inject('servers').natsUrl, id);
  const appender = await openActiveAppender(nc, createEventReader(nc, ledger), {
    ledger,
    id,
    replicas: 1,
    clock: () => new Date(),
    ...options,
  });
  return {
    ...appender,
    id,
    submit: (request) => appender.submit({ request, workflowId: `test/${request.id}` }),
    close: async () => {
      await appender.close();
      await nc.close();
    },
    vanish: () => nc.close(),
  };
}

/** Hears who is the active writer: an id each time that it changes, and `released` when one gives the lease up. */
export function watchWriters({ nc, ledger }: Pick<TestLedger, 'nc' | 'ledger'>): string[] {
  const received: string[] = [];
  nc.subscribe(writerLease(ledger).repeated, {
    callback: (_, message) => {
      const who = message.headers?.get('KV-Operation') ? 'released' : message.string();
      if (received.at(-1) !== who) received.push(who);
    },
  });
  return received;
}
