/**
 * The change of `changed/`, made as CONTRIBUTING.md says: runs that have begun go on as they were, new ones take the new
 * step. Histories from before must replay.
 */
import { patched, sleep } from '@temporalio/workflow';
import type { CommandResult, CarryOutOptions, TransferRequest } from '../../../messages/commands.ts';
import { transfer as original } from '../../../workflows/transfer.ts';

/** Waits a second before it moves the money, since the patch. */
export async function transfer(request: TransferRequest, options?: CarryOutOptions): Promise<CommandResult> {
  if (patched('a-second-before')) await sleep('1 second');
  return original(request, options);
}
