/** A deposit, a withdrawal or a transfer of one step: decided and appended at once. */
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { Answer, CarryOutOptions, TransferRequest } from '../contracts/commands.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { activitiesFor } from './options.ts';
import { recorded } from './outcome.ts';

/** Moves money, or records why it does not. Its id is `transfer/<id>`. */
export async function transfer(request: TransferRequest, options?: CarryOutOptions): Promise<Answer> {
  const { carryOut } = activitiesFor(options);
  const answer = recorded(await carryOut(request));
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: answer.transfer?.status ?? 'failed' }]);
  return answer;
}
