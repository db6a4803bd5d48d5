/** The names by which commands are found in Temporal. */
import type { CommandRequest } from './commands.ts';

export const TASK_QUEUE = 'ledger';

/** The workflow that carries a command: its id is the resource. */
export function workflowIdOf(request: CommandRequest): string {
  return resourceWorkflowId(request.type === 'transfer' ? 'transfer' : 'account', request.id);
}

/** The id of a resource's workflow. */
export function resourceWorkflowId(type: 'transfer' | 'account', id: string): string {
  return `${type}/${id}`;
}
