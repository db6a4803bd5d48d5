/** What the failures of workflows, updates and Temporal itself mean for a request. */
import {
  isGrpcServiceError,
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { REJECTIONS, type RejectionCode } from '../../domain/rejections.ts';
import type { CommandOutcome } from '../commands/commands.ts';

/** Codes of gRPC. */
const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;

const LATE =
  'The outcome is not known yet. The command may still be carried out. Send the same request again.';

/** What a failed start, workflow or update means for the request. A bug is thrown on. */
export function outcomeOfFailure(error: unknown): CommandOutcome {
  if (error instanceof WorkflowFailedError || error instanceof WorkflowUpdateFailedError) {
    const causes = causesOf(error);
    const failure = causes.find((cause) => cause instanceof ApplicationFailure);
    const code = REJECTIONS.find((rejection) => rejection === failure?.type) satisfies
      RejectionCode | undefined;
    if (failure && code) return { type: 'error', rejection: { code, detail: failure.message } };
    if (failure?.type === 'overloaded') return unavailable('overloaded', failure.message);
    if (failure?.type === 'dependency_unavailable' || causes.some((c) => c instanceof TimeoutFailure)) {
      return unavailable('dependency_unavailable', failure?.message ?? 'The log did not respond in time.');
    }
    // Somebody ended the workflow in the Temporal UI, in the middle of the command.
    if (causes.some((cause) => cause instanceof TerminatedFailure || cause instanceof CancelledFailure)) {
      return unavailable('dependency_unavailable', LATE);
    }
    throw error;
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
    return unavailable('dependency_unavailable', LATE);
  const codes = causesOf(error).flatMap((cause) => (isGrpcServiceError(cause) ? [cause.code as number] : []));
  if (codes.includes(RESOURCE_EXHAUSTED)) {
    return unavailable('overloaded', 'Temporal accepts no more commands for now.');
  }
  if (error instanceof ServiceError || codes.length > 0) {
    const detail = codes.includes(DEADLINE_EXCEEDED)
      ? LATE
      : 'Temporal does not respond. The command may have been accepted. Send the same request again.';
    return unavailable('dependency_unavailable', detail);
  }
  throw error;
}

/** True if an update came to a workflow that is not there, or that ended before the update did. */
export function isOver(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError) return true;
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === 'AcceptedUpdateCompletedWorkflow';
}

/** True if a workflow gave up at a full queue. */
export function isOverloaded(error: unknown): boolean {
  return causesOf(error).some((cause) => cause instanceof ApplicationFailure && cause.type === 'overloaded');
}

function unavailable(code: 'dependency_unavailable' | 'overloaded', detail: string): CommandOutcome {
  return { type: 'unavailable', code, detail };
}

function causesOf(error: unknown): unknown[] {
  const causes = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) causes.push(cause);
  return causes;
}
