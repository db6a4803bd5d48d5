import type { ScheduleBody } from '../contracts/schedules.ts';
import type { CommandMeta } from './commands.ts';

/** What the workflow of a firing is started with, and how it is named. */

/** What the workflow of a firing is started with: what it is to do, without its own id, which its time gives. */
export type FiringRequest = Pick<CommandMeta, 'actor' | 'fingerprint'> & {
  readonly schedule: string;
  readonly transfer: ScheduleBody['transfer'];
};

/** A schedule's id in Temporal, and the beginning of the ids of its firings. */
export function scheduleWorkflowId(id: string): string {
  return `schedule/${id}`;
}
