/** From the outcome that the log has to the result of a command. */
import type { Outcome } from '../eventlog/append/outcome.ts';
import type { EventReader } from '../eventlog/read/event-reader.ts';
import type { Rejection } from '../domain/rejections.ts';
import type { CommandResult } from '../messages/commands.ts';
import { accountFrom } from '../messages/mapping/resources.ts';

/** The log has the outcome (`result`), or nothing was recorded (`error`). */
export type ResultOrError = { readonly result: CommandResult } | { readonly error: Rejection };

/** The result of a command. The reader is asked for what only an account's first event says. */
export async function resultOrError(
  reader: Pick<EventReader, 'first'>,
  outcome: Outcome,
): Promise<ResultOrError> {
  switch (outcome.type) {
    case 'error':
      return { error: outcome.rejection };
    case 'rejected': {
      const { position, replayed, rejection } = outcome;
      return { result: { position, replayed, created: false, rejection } };
    }
    case 'transfer': {
      const { position, replayed, created, transfer, rejection } = outcome;
      return { result: { position, replayed, created, transfer, ...(rejection ? { rejection } : {}) } };
    }
    case 'hold': {
      const { position, replayed, created, hold } = outcome;
      return { result: { position, replayed, created, hold } };
    }
    case 'account': {
      const { id, state, created, position, replayed } = outcome;
      // Owner and metadata stand in the account's first event only.
      const first = await reader.first({ aggregate: 'account', id });
      if (first?.name !== 'AccountCreated')
        throw new Error(`Account ${id} does not begin with AccountCreated`);
      return { result: { position, replayed, created, account: accountFrom(id, first, state) } };
    }
  }
}
