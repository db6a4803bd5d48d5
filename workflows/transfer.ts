/** A deposit, a withdrawal or a transfer of one step: decided and appended at once. */
import { proxyLocalActivities, upsertSearchAttributes } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Answer, TransferRequest } from '../contracts/commands.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { APPEND } from './options.ts';
import { recorded } from './outcome.ts';

const { carryOut } = proxyLocalActivities<Activities>(APPEND);

/** Moves money, or records why it does not. Its id is `transfer/<id>`. */
export async function transfer(request: TransferRequest): Promise<Answer> {
  const answer = recorded(await carryOut(request));
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: answer.transfer?.status ?? 'failed' }]);
  return answer;
}
