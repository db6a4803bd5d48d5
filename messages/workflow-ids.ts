/** The names by which commands are found in Temporal. */
import type { CommandRequest } from './commands.ts';

export const TASK_QUEUE = 'ledger';
/** Of what is said to payment rails: only workers that know one listen there. */
export const RAIL_TASK_QUEUE = 'ledger-rails';

/** What a workflow may be about: its type, and the first part of its id. */
export type WorkflowType = 'transfer' | 'hold' | 'account';

/** The workflow that carries a command: its id is the resource. */
export function workflowIdOf(request: CommandRequest): string {
  return resourceWorkflowId(workflowTypeOf(request), request.id);
}

/** The type of the workflow that carries a command. */
export function workflowTypeOf({ type }: CommandRequest): WorkflowType {
  if (type.startsWith('account.')) return 'account';
  return type.startsWith('hold.') ? 'hold' : 'transfer';
}

/** The id of a resource's workflow. */
export function resourceWorkflowId(type: WorkflowType | 'bulk', id: string): string {
  return `${type}/${id}`;
}
