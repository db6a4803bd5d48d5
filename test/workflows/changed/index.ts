/** The workflows as a careless change would leave them: a timer before the first step. Histories must not replay. */
import { sleep } from '@temporalio/workflow';
import { transfer as original } from '../../../workflows/transfer.ts';
import type { Answer, TransferRequest } from '../../../contracts/commands.ts';

export { account } from '../../../workflows/account.ts';

/** Waits, as the recorded runs did not. */
export async function transfer(request: TransferRequest): Promise<Answer> {
  await sleep('1 second');
  return original(request);
}
