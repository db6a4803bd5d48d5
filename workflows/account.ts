/** A command to one account: create, freeze, unfreeze, close. */
import { proxyLocalActivities, upsertSearchAttributes } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { AccountRequest, Answer } from '../contracts/commands.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { APPEND } from './options.ts';
import { recorded } from './outcome.ts';

const { carryOut } = proxyLocalActivities<Activities>(APPEND);

/** Changes an account. Its id is `account/<id>`. */
export async function account(request: AccountRequest): Promise<Answer> {
  const answer = recorded(await carryOut(request));
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: answer.account?.status ?? 'failed' }]);
  return answer;
}
