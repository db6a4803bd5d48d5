/** What the routes need of whoever carries commands out; `api/temporal/runner.ts` does it with workflows. */
import type { Rejection } from '../../domain/rejections.ts';
import type { CommandRequest, CommandResult } from '../../messages/commands.ts';
import type { WorkflowType } from '../../messages/workflow-ids.ts';

export type CommandOutcome =
  /** The log has the outcome. `replayed` if an earlier request with the same key brought it about. */
  | { readonly type: 'recorded'; readonly result: CommandResult; readonly replayed: boolean }
  /** The command is durable and will be carried out; its outcome was not waited for. */
  | { readonly type: 'accepted'; readonly workflowId: string }
  /** Nothing was recorded. */
  | { readonly type: 'error'; readonly rejection: Rejection }
  /** No outcome within the time that a request may take; the same request again will tell. */
  | {
      readonly type: 'unavailable';
      readonly code: 'dependency_unavailable' | 'overloaded';
      readonly detail: string;
    };

export type CommandInFlight =
  | { readonly type: 'running'; readonly request: CommandRequest; readonly workflowId: string }
  | { readonly type: 'recorded'; readonly result: CommandResult };

export type Commands = {
  /** Carries a command out. With `wait: false` it returns as soon as the command is durable. Never hangs over 9 s. */
  readonly carryOut: (request: CommandRequest, options: { wait: boolean }) => Promise<CommandOutcome>;
  /** The command that is making, or has just made, a resource which the read model does not show yet. */
  readonly find: (resource: { type: WorkflowType; id: string }) => Promise<CommandInFlight | undefined>;
};
