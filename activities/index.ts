/**
 * What workflows do to the world. An activity may run more than once for one command: the log makes sure that it has
 * one effect and one outcome.
 */
import { activityInfo } from '@temporalio/activity';
import type { Answer, CommandRequest, Refusal } from '../contracts/commands.ts';
import type { OutcomeBoard } from '../contracts/outcome-board.ts';
import { accountFrom, transferFrom } from '../contracts/resources.ts';
import type { Appender } from '../eventlog/appender.ts';
import type { Outcome } from '../eventlog/outcome.ts';
import type { EventReader } from '../eventlog/event-reader.ts';
import { asFailure } from './failures.ts';

/** The log has the outcome (`answer`), or nothing was recorded (`refusal`). */
export type CarriedOut = { readonly answer: Answer } | { readonly refusal: Refusal };

export type Activities = {
  /** Decides a command and appends its events. */
  readonly carryOut: (request: CommandRequest) => Promise<CarriedOut>;
};

export type ActivityDependencies = {
  readonly appender: Pick<Appender, 'submit'>;
  readonly reader: Pick<EventReader, 'first'>;
  /** Given if requests wait in the same process. */
  readonly board?: Pick<OutcomeBoard, 'post'> | undefined;
};

/** Makes the activities. */
export function createActivities({ appender, reader, board }: ActivityDependencies): Activities {
  return {
    async carryOut(request) {
      const { attempt, workflowExecution } = activityInfo();
      const workflowId = workflowExecution?.workflowId;
      try {
        if (workflowId === undefined) throw new Error('A command is carried out by a workflow');
        const result = await answer(reader, await appender.submit({ request, workflowId }));
        // A refusal, and a command to an account, is over only with its workflow: the id is free again then.
        const final = request.type === 'transfer' && 'answer' in result;
        board?.post(workflowId, final ? result.answer : undefined);
        return result;
      } catch (error) {
        // Whether it is tried again the workflow knows: whoever waits here is to ask for its end.
        if (workflowId !== undefined) board?.post(workflowId, undefined);
        throw asFailure(error, attempt);
      }
    },
  };
}

async function answer(reader: ActivityDependencies['reader'], outcome: Outcome): Promise<CarriedOut> {
  switch (outcome.type) {
    case 'refused':
      return { refusal: outcome.rejection };
    case 'transfer': {
      const { event, replayed } = outcome;
      const rejection =
        event.name === 'TransferRejected'
          ? { rejection: { code: event.data.reason, detail: event.data.detail } }
          : {};
      const { position } = event;
      return { answer: { position, replayed, created: true, transfer: transferFrom(event), ...rejection } };
    }
    case 'account': {
      const { id, state, created, position, replayed } = outcome;
      // Owner and metadata stand in the account's first event only.
      const first = await reader.first({ aggregate: 'account', id });
      if (first?.name !== 'AccountCreated')
        throw new Error(`Account ${id} does not begin with AccountCreated`);
      return { answer: { position, replayed, created, account: accountFrom(id, first, state) } };
    }
  }
}
