/** A command to one account: create, freeze, unfreeze, close. */
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { AccountRequest, CommandResult, CarryOutOptions } from '../messages/commands.ts';
import { SEARCH_ATTRIBUTES } from './attributes.ts';
import { activitiesFor } from './options.ts';
import { recorded } from './outcome.ts';

/** Changes an account. Its id is `account/<id>`. */
export async function account(request: AccountRequest, options?: CarryOutOptions): Promise<CommandResult> {
  const { carryOut } = activitiesFor(options);
  const result = recorded(await carryOut(request));
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: result.account?.status ?? 'failed' }]);
  return result;
}
